package org.sparklora.driver.cluster.data;

import org.sparklora.worker.data.TokenizerSpec;

/**
 * How texts become tokens.
 *
 * @param maxLength most tokens of a text or pair, special tokens included
 */
public record Tokenization(TokenizerSpec tokenizer, int maxLength) {}
