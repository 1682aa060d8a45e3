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
  def rows_by_head(self: __torch__.Kernels, x: Tensor, heads: Tensor) -> Tensor:
    return torch.transpose(torch.view(x, [torch.size(x, 0), int(heads), -1]), 0, 1)
  def by_row(self: __torch__.Kernels, x: Tensor) -> Tensor:
    return torch.reshape(torch.transpose(x, 0, 1), [torch.size(x, 1), -1])
  def diagonals(self: __torch__.Kernels, products: Tensor, mask: Tensor) -> Tensor:
    batch = torch.size(mask, 0)
    length = torch.size(mask, 3)
    width = torch.size(products, 2)
    row = torch.mul(length, width)
    return torch.as_strided(products, [batch, torch.size(products, 0), length, length], [row, torch.mul(batch, row), torch.sub(width, 1), 1], torch.sub(length, 1))
  def position_scores(self: __torch__.Kernels, x: Tensor, positions: Tensor, mask: Tensor, heads: Tensor) -> Tensor:
    products = torch.matmul((self).rows_by_head(x, heads, ), torch.transpose((self).rows_by_head(positions, heads, ), 1, 2))
    return (self).diagonals(products, mask, )
  def of_position_scores(self: __torch__.Kernels, scores: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
    rows = torch.mul(torch.size(scores, 0), torch.size(scores, 2))
    products = torch.new_zeros(scores, [torch.size(scores, 1), rows, torch.size(positions, 0)])
    filled = torch.copy_((self).diagonals(products, mask, ), scores)
    return products
  def disentangled_probabilities(self: __torch__.Kernels, query: Tensor, key: Tensor, position_keys: Tensor, position_queries: Tensor, mask: Tensor, heads: Tensor) -> Tensor:
    q = (self).by_head(query, mask, heads, )
    k = (self).by_head(key, mask, heads, )
    scores = torch.to(torch.matmul(q, torch.transpose(k, 2, 3)), 6)
    of_query = torch.add_(scores, (self).position_scores(query, torch.flip(position_keys, [0]), mask, heads, ))
    of_both = torch.add_(of_query, torch.transpose((self).position_scores(key, position_queries, mask, heads, ), 2, 3))
    scaled = torch.mul_(of_both, torch.div(1., torch.sqrt(torch.mul(torch.size(q, 3), 3))))
    return torch.softmax(torch.add_(scaled, mask), -1)
  def dropped(self: __torch__.Kernels, x: Tensor, dropout: Tensor) -> Tensor:
    if torch.eq(torch.dim(dropout), 4):
      y = torch.mul(x, dropout)
    else:
      y = x
    return y
  def disentangled_attention(self: __torch__.Kernels, query: Tensor, key: Tensor, value: Tensor, position_keys: Tensor, position_queries: Tensor, mask: Tensor, heads: Tensor, dropout: Tensor) -> Tensor:
    p = (self).disentangled_probabilities(query, key, position_keys, position_queries, mask, heads, )
    v = (self).by_head(value, mask, heads, )
    context = torch.matmul(torch.to((self).dropped(p, dropout, ), v), v)
    tokens = torch.to(torch.eq(torch.transpose(mask, 2, 3), 0), context)
    return (self).by_token(torch.mul_(context, tokens), )
  def disentangled_attention_backward(self: __torch__.Kernels, gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, position_keys: Tensor, position_queries: Tensor, mask: Tensor, heads: Tensor, dropout: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    g = (self).by_head(gradient, mask, heads, )
    v = (self).by_head(value, mask, heads, )
    p = (self).disentangled_probabilities(query, key, position_keys, position_queries, mask, heads, )
    dv = torch.matmul(torch.to(torch.transpose((self).dropped(p, dropout, ), 2, 3), v), g)
    dp = (self).dropped(torch.to(torch.matmul(g, torch.transpose(v, 2, 3)), 6), dropout, )
    scores = torch.mul_(torch._softmax_backward_data(dp, p, -1, 6), torch.div(1., torch.sqrt(torch.mul(torch.size(v, 3), 3))))
    ds = torch.to(scores, v)
    return ((self).by_token(dv, ), ds, torch.transpose(ds, 2, 3), torch.flip(position_keys, [0]))
  def disentangled_to_tokens(self: __torch__.Kernels, scores: Tensor, other: Tensor, positions: Tensor, mask: Tensor, heads: Tensor) -> Tensor:
    of_content = (self).by_token(torch.matmul(scores, (self).by_head(other, mask, heads, )), )
    of_positions = torch.matmul((self).of_position_scores(scores, positions, mask, ), (self).rows_by_head(positions, heads, ))
    return torch.add_(of_content, (self).by_row(of_positions, ))
  def disentangled_to_positions(self: __torch__.Kernels, scores: Tensor, x: Tensor, positions: Tensor, mask: Tensor, heads: Tensor) -> Tensor:
    products = torch.transpose((self).of_position_scores(scores, positions, mask, ), 1, 2)
    return (self).by_row(torch.matmul(products, (self).rows_by_head(x, heads, )), )
  def disentangled_to_position_keys(self: __torch__.Kernels, scores: Tensor, x: Tensor, positions: Tensor, mask: Tensor, heads: Tensor) -> Tensor:
    return torch.flip((self).disentangled_to_positions(scores, x, positions, mask, heads, ), [0])
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
