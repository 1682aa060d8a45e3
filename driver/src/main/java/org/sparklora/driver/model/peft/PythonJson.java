package org.sparklora.driver.model.peft;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** JSON files in the layout of Hugging Face's libraries: {@code "key": value}, two spaces, {@code \n} on every system. */
public final class PythonJson {

    private PythonJson() {}

    /** A map, or Jackson's tree, as the bytes of a file. */
    public static byte[] bytes(Object value) {
        try {
            String text = new ObjectMapper().writer(new Printer()).writeValueAsString(value);
            return (text + "\n").getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("writing plain values as JSON failed", e);
        }
    }

    private static final class Printer extends DefaultPrettyPrinter {

        private static final long serialVersionUID = 1L;

        Printer() {
            DefaultIndenter indenter = new DefaultIndenter("  ", "\n");
            indentObjectsWith(indenter);
            indentArraysWith(indenter);
        }

        @Override
        public DefaultPrettyPrinter createInstance() {
            return new Printer();
        }

        @Override
        public void writeObjectFieldValueSeparator(JsonGenerator generator) throws IOException {
            generator.writeRaw(": ");
        }
    }
}
