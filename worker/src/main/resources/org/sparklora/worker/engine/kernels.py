class Kernels(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  def linear(self: __torch__.Kernels, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return ops.mkldnn._linear_pointwise(x, weight, bias, "none", annotate(List[Optional[number]], []), "")
  def linear_plus(self: __torch__.Kernels, x: Tensor, weight: Tensor, bias: Tensor, other: Tensor) -> Tensor:
    return ops.mkldnn._linear_pointwise(x, other, weight, torch.to(bias, x), "add")
  def linear_gelu_none(self: __torch__.Kernels, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return ops.mkldnn._linear_pointwise(x, weight, bias, "gelu", annotate(List[Optional[number]], []), "none")
  def linear_gelu_tanh(self: __torch__.Kernels, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return ops.mkldnn._linear_pointwise(x, weight, bias, "gelu", annotate(List[Optional[number]], []), "tanh")
  def product(self: __torch__.Kernels, x: Tensor, weight: Tensor) -> Tensor:
    return ops.mkldnn._linear_pointwise(x, weight, None, "none", annotate(List[Optional[number]], []), "")
  def product_plus(self: __torch__.Kernels, x: Tensor, weight: Tensor, other: Tensor) -> Tensor:
    return ops.mkldnn._linear_pointwise(x, other, weight, None, "add")
  def to_input(self: __torch__.Kernels, gradient: Tensor, weight: Tensor) -> Tensor:
    return ops.mkldnn._linear_pointwise(gradient, torch.t(weight), None, "none", annotate(List[Optional[number]], []), "")
  def to_input_plus(self: __torch__.Kernels, gradient: Tensor, weight: Tensor, other: Tensor) -> Tensor:
    return ops.mkldnn._linear_pointwise(gradient, other, torch.t(weight), None, "add")
  def to_weight(self: __torch__.Kernels, gradient: Tensor, x: Tensor) -> Tensor:
    return ops.mkldnn._linear_pointwise(torch.t(gradient), torch.t(x), None, "none", annotate(List[Optional[number]], []), "")
  def layer_norm(self: __torch__.Kernels, x: Tensor, weight: Tensor, bias: Tensor, eps: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    y, mean, rstd = torch.native_layer_norm(x, [torch.size(weight, 0)], weight, bias, float(eps))
    return (y, mean, rstd)
  def layer_norm_to_input(self: __torch__.Kernels, gradient: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    dx, _0, _1 = torch.native_layer_norm_backward(gradient, x, [torch.size(weight, 0)], mean, rstd, weight, bias, [True, False, False])
    return dx
  def layer_norm_to_parameters(self: __torch__.Kernels, gradient: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor, bias: Tensor) -> Tuple[Tensor, Tensor]:
    _0, dw, db = torch.native_layer_norm_backward(gradient, x, [torch.size(weight, 0)], mean, rstd, weight, bias, [False, True, True])
    return (dw, db)
  def gelu_none(self: __torch__.Kernels, x: Tensor) -> Tensor:
    return torch.gelu(x, approximate="none")
  def gelu_none_to_input(self: __torch__.Kernels, gradient: Tensor, x: Tensor) -> Tensor:
    return torch.gelu_backward(gradient, x, approximate="none")
  def gelu_tanh(self: __torch__.Kernels, x: Tensor) -> Tensor:
    return torch.gelu(x, approximate="tanh")
  def gelu_tanh_to_input(self: __torch__.Kernels, gradient: Tensor, x: Tensor) -> Tensor:
    return torch.gelu_backward(gradient, x, approximate="tanh")
  def gated_gelu_none(self: __torch__.Kernels, x: Tensor) -> Tensor:
    read, gate, = torch.chunk(x, 2, 1)
    return torch.mul((self).gelu_none(read, ), gate)
  def gated_gelu_none_to_input(self: __torch__.Kernels, gradient: Tensor, x: Tensor) -> Tensor:
    read, gate, = torch.chunk(x, 2, 1)
    to_read = (self).gelu_none_to_input(torch.mul(gradient, gate), read, )
    return torch.cat([to_read, torch.mul(gradient, (self).gelu_none(read, ))], 1)
  def gated_gelu_tanh(self: __torch__.Kernels, x: Tensor) -> Tensor:
    read, gate, = torch.chunk(x, 2, 1)
    return torch.mul((self).gelu_tanh(read, ), gate)
  def gated_gelu_tanh_to_input(self: __torch__.Kernels, gradient: Tensor, x: Tensor) -> Tensor:
    read, gate, = torch.chunk(x, 2, 1)
    to_read = (self).gelu_tanh_to_input(torch.mul(gradient, gate), read, )
    return torch.cat([to_read, torch.mul(gradient, (self).gelu_tanh(read, ))], 1)
  def side_by_side(self: __torch__.Kernels, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return torch.cat([query, key, value], 1)
  def by_head(self: __torch__.Kernels, x: Tensor, mask: Tensor, heads: Tensor) -> Tensor:
    return torch.transpose(torch.view(x, [torch.size(mask, 0), torch.size(mask, 3), int(heads), -1]), 1, 2)
  def by_token(self: __torch__.Kernels, x: Tensor) -> Tensor:
    return torch.reshape(torch.transpose(x, 1, 2), [-1, torch.mul(torch.size(x, 1), torch.size(x, 3))])
  def flash_attention(self: __torch__.Kernels, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, heads: Tensor) -> Tuple[Tensor, Tensor]:
    q = (self).by_head(query, mask, heads, )
    k = (self).by_head(key, mask, heads, )
    v = (self).by_head(value, mask, heads, )
    out, sums = torch._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0., False, attn_mask=mask)
    return ((self).by_token(out, ), sums)
  def flash_attention_backward(self: __torch__.Kernels, gradient: Tensor, heads: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, context: Tensor, sums: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    g = (self).by_head(gradient, mask, heads, )
    q = (self).by_head(query, mask, heads, )
    k = (self).by_head(key, mask, heads, )
    v = (self).by_head(value, mask, heads, )
    out = (self).by_head(context, mask, heads, )
    dq, dk, dv = torch._scaled_dot_product_flash_attention_for_cpu_backward(g, q, k, v, out, sums, 0., False, attn_mask=mask)
    return ((self).by_token(dq, ), (self).by_token(dk, ), (self).by_token(dv, ))
  def probabilities(self: __torch__.Kernels, query: Tensor, key: Tensor, mask: Tensor) -> Tensor:
    scores = torch.to(torch.matmul(query, torch.transpose(key, 2, 3)), 6)
    scaled = torch.mul_(scores, torch.div(1., torch.sqrt(torch.size(query, 3))))
    return torch.softmax(torch.add_(scaled, mask), -1)
  def plain_attention(self: __torch__.Kernels, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, heads: Tensor) -> Tensor:
    q = (self).by_head(query, mask, heads, )
    k = (self).by_head(key, mask, heads, )
    v = (self).by_head(value, mask, heads, )
    p = torch.to((self).probabilities(q, k, mask, ), q)
    return (self).by_token(torch.matmul(p, v), )
  def plain_attention_backward(self: __torch__.Kernels, gradient: Tensor, heads: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    g = (self).by_head(gradient, mask, heads, )
    q = (self).by_head(query, mask, heads, )
    k = (self).by_head(key, mask, heads, )
    v = (self).by_head(value, mask, heads, )
    p = (self).probabilities(q, k, mask, )
    dv = torch.matmul(torch.transpose(torch.to(p, q), 2, 3), g)
    dp = torch.to(torch.matmul(g, torch.transpose(v, 2, 3)), 6)
    dq, dk = (self).of_probabilities(dp, p, q, k, )
    return ((self).by_token(dq, ), (self).by_token(dk, ), (self).by_token(dv, ))
  def dropped_attention(self: __torch__.Kernels, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, heads: Tensor, dropout: Tensor) -> Tensor:
    q = (self).by_head(query, mask, heads, )
    k = (self).by_head(key, mask, heads, )
    v = (self).by_head(value, mask, heads, )
    p = torch.to(torch.mul_((self).probabilities(q, k, mask, ), dropout), q)
    return (self).by_token(torch.matmul(p, v), )
  def dropped_attention_backward(self: __torch__.Kernels, gradient: Tensor, heads: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, dropout: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    g = (self).by_head(gradient, mask, heads, )
    q = (self).by_head(query, mask, heads, )
    k = (self).by_head(key, mask, heads, )
    v = (self).by_head(value, mask, heads, )
    p = (self).probabilities(q, k, mask, )
    dv = torch.matmul(torch.transpose(torch.to(torch.mul(p, dropout), q), 2, 3), g)
    dp = torch.mul_(torch.to(torch.matmul(g, torch.transpose(v, 2, 3)), 6), dropout)
    dq, dk = (self).of_probabilities(dp, p, q, k, )
    return ((self).by_token(dq, ), (self).by_token(dk, ), (self).by_token(dv, ))
  def of_probabilities(self: __torch__.Kernels, gradient: Tensor, probabilities: Tensor, query: Tensor, key: Tensor) -> Tuple[Tensor, Tensor]:
    scores = torch.mul_(torch._softmax_backward_data(gradient, probabilities, -1, 6), torch.div(1., torch.sqrt(torch.size(query, 3))))
    ds = torch.to(scores, query)
    return (torch.matmul(ds, key), torch.matmul(torch.transpose(ds, 2, 3), query))
  def rotary(self: __torch__.Kernels, x: Tensor, length: Tensor, frequencies: Tensor) -> Tensor:
    parts = torch.reshape(x, [-1, int(length), 3, torch.floordiv(torch.size(x, 1), torch.mul(torch.size(frequencies, 0), 6)), 2, torch.size(frequencies, 0)])
    places = torch.to(torch.arange(int(length)), frequencies)
    angles = torch.reshape(torch.outer(places, frequencies), [int(length), 1, 1, -1])
    cosine = torch.cos(angles)
    sine = torch.sin(angles)
    turned = torch.slice(parts, 2, 0, 2)
    first = torch.select(turned, 4, 0)
    second = torch.select(turned, 4, 1)
    rotated = torch.stack([torch.sub(torch.mul(first, cosine), torch.mul(second, sine)), torch.add(torch.mul(second, cosine), torch.mul(first, sine))], 4)
    return torch.reshape(torch.cat([torch.to(rotated, x), torch.slice(parts, 2, 2, 3)], 2), torch.size(x))
  def to_bfloat16(self: __torch__.Kernels, x: Tensor) -> Tensor:
    return torch.to(x, 15)
  def to_float32(self: __torch__.Kernels, x: Tensor) -> Tensor:
    return torch.to(x, 6)
  def times_in_bfloat16(self: __torch__.Kernels, x: Tensor, factor: Tensor) -> Tensor:
    return torch.to(torch.mul(x, factor), 15)
  def sum_of_rows(self: __torch__.Kernels, x: Tensor) -> Tensor:
    return torch.sum(x, [0], False, dtype=6)
