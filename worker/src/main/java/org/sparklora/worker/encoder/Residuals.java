package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.sparklora.worker.engine.Bfloat16;
import org.sparklora.worker.engine.Graph;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.lora.Residual;

/**
 * The residuals of a base model's weights: one array for each adapted module, which all tasks of this JVM share. Those of
 * two runs stay, because trials of a sweep may alternate.
 *
 * <p>Thread-safe. Owned by the model: closed with its manager.
 */
final class Residuals {

    private static final int MAX_RUNS = 2;

    private final BaseModel base;
    private final NDManager manager;

    /** By the name of the weight, in the order of their last use. */
    private final Map<String, Map<Residual, Held>> held = new HashMap<>();

    /** One residual: its array in a pass, and the manager that frees it. */
    private record Held(NDManager owner, Function<Graph, Variable> array) {}

    Residuals(BaseModel base, NDManager manager) {
        this.base = base;
        this.manager = manager;
    }

    /** A residual in a pass, which may go on with it after this array was closed. */
    synchronized Variable get(Graph graph, String weight, Residual residual) {
        Map<Residual, Held> runs = held.computeIfAbsent(weight, w -> new LinkedHashMap<>(4, 0.75f, true));
        if (!runs.containsKey(residual) && runs.size() == MAX_RUNS) {
            Iterator<Held> oldest = runs.values().iterator();
            oldest.next().owner().close();
            oldest.remove();
        }
        return runs.computeIfAbsent(residual, r -> compute(weight, r)).array().apply(graph);
    }

    private Held compute(String weight, Residual residual) {
        float[] values = residual.of(base.floats(weight));
        NDManager owner = manager.newSubManager();
        Tensors.Filling filling = new Tensors.Filling(owner, residual.shape());
        filling.put(values, values.length);
        NDArray array = filling.array();
        if (!base.isRounded(weight)) {
            return new Held(owner, graph -> graph.borrowed(array));
        }
        try (array) {
            Bfloat16 rounded = Bfloat16.of(owner, array);
            return new Held(owner, graph -> graph.borrowed(rounded));
        }
    }
}
