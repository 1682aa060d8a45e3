/**
 * The only place that touches DJL's PyTorch engine internals. Open {@link org.sparklora.worker.engine.Graph} first: a pass
 * computes with its {@linkplain org.sparklora.worker.engine.Variable variables}. Each operation is one class with its forward
 * and its backward, a {@link org.sparklora.worker.engine.Function}. Matrix products are {@link
 * org.sparklora.worker.engine.Products}, by oneDNN or MKL.
 *
 * <p>PyTorch's autograd is used for small pieces only ({@link org.sparklora.worker.engine.Variable#traced}). It has no formula
 * for oneDNN's product, and mkldnn_linear, which has one, converts its operands at each call (at 768 to 3072, 58 GFLOP/s
 * instead of 180). A convolution of size one has a formula too, but lays the weight out anew at each call (110 instead of 180).
 * What a traced piece multiplies (head, last layer's attention of the first token) goes to MKL whatever the kernel.
 * Cutting PyTorch's graph at each product would keep the operands of all products in memory until backward.
 *
 * <p>Traps that this package hides from all others (DJL 0.36.0, PyTorch 2.7.1):
 *
 * <ul>
 *   <li><em>Java buffers under autograd.</em> {@code x.mul(Number)} and {@code manager.create(float[])} wrap Java memory
 *       that autograd may still need when it is freed: gradients go wrong without an error. {@link
 *       org.sparklora.worker.engine.Tensors} therefore copies every value into PyTorch's own, reference-counted and
 *       64-byte aligned memory, so any array may be closed at any time. Never use an overload that takes a Number.
 *   <li><em>DJL ends the process when it is asked for the type or the values of a bfloat16 array.</em> Such arrays stay inside
 *       {@link org.sparklora.worker.engine.Variable} and {@link org.sparklora.worker.engine.Bfloat16}, which give them out in
 *       float32 only.
 *   <li><em>A result belongs to its first operand's manager.</em> Write {@code x.matMul(w)}, never {@code w.matMul(x)}
 *       with a model weight {@code w}: that leaks one array per step into the model.
 *   <li><em>DJL's gradient collector is one per process.</em> {@link org.sparklora.worker.engine.Graph} sets the gradient mode
 *       of its thread instead; any number of threads train at once.
 *   <li><em>DJL's requiresGrad and hasGradient are false of results</em>, and getGradientFunctionNames ends the process if an
 *       array has no gradient function. A graph knows by itself what has a gradient.
 *   <li><em>DJL's runMethod makes inference tensors</em>, which autograd refuses: {@link org.sparklora.worker.engine.Script}
 *       names the method in another way.
 *   <li><em>The engine's random generator is shared by threads</em> and so depends on their interleaving: {@link
 *       org.sparklora.worker.engine.KeyedDropout} draws masks from keyed generators in Java.
 *   <li><em>Intra-op threads.</em> A new thread inherits the last value set anywhere in the process: {@link
 *       org.sparklora.worker.engine.Torch#prepareThread()} runs at the start of every task.
 *   <li><em>A native BLAS or LAPACK that the process loaded before PyTorch</em> takes over PyTorch's products of the same names
 *       (dev.ludovic.netlib, which Spark ML uses, loads the host's). They round differently then. Nothing here may load one (.mvn/forbidden-apis.txt), and {@link
 *       org.sparklora.worker.machine.Machine#instructions()} tells that one is there.
 *   <li><em>TorchScript may recompile a module that it has seen often</em>, and a tenth call could round differently from
 *       the first: the same method turns that off for the thread.
 * </ul>
 *
 * <p>Invariant: no other package imports {@code ai.djl.pytorch.*}.
 */
@NullMarked
package org.sparklora.worker.engine;

import org.jspecify.annotations.NullMarked;
