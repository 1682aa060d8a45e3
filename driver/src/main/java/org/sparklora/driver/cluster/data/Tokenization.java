package org.sparklora.driver.cluster.data;

import org.sparklora.worker.data.TokenizerSpec;

/**
 * How texts are tokenized.
 *
 * @param maxLength maximum number of tokens of a text or pair, including special tokens
 */
public record Tokenization(TokenizerSpec tokenizer, int maxLength) {}
