  def heads(self: MODULE,
    x: Tensor) -> Tensor:
    split = torch.reshape(x, [torch.size(x, 0), torch.size(x, 1), HEADS, HEAD_SIZE])
    return torch.transpose(split, 1, 2)
  def layer(self: MODULE,
    x: Tensor,
    asking: Tensor,
    mask: Tensor,
    query_weight: Tensor,
    query_bias: Tensor,
    key_weight: Tensor,
    key_bias: Tensor,
    value_weight: Tensor,
    value_bias: Tensor,
    attention_weight: Tensor,
    attention_bias: Tensor,
    attention_norm_weight: Tensor,
    attention_norm_bias: Tensor,
    intermediate_weight: Tensor,
    intermediate_bias: Tensor,
    output_weight: Tensor,
    output_bias: Tensor,
    output_norm_weight: Tensor,
    output_norm_bias: Tensor) -> Tensor:
    query = (self).heads(torch.linear(asking, query_weight, query_bias), )
    key = (self).heads(torch.linear(x, key_weight, key_bias), )
    value = (self).heads(torch.linear(x, value_weight, value_bias), )
    by_head = torch.scaled_dot_product_attention(query, key, value, mask, 0., False)
    context = torch.reshape(torch.transpose(by_head, 1, 2), torch.size(asking))
    attention = torch.linear(context, attention_weight, attention_bias)
    attended = torch.layer_norm(torch.add(attention, asking), [HIDDEN], attention_norm_weight, attention_norm_bias, EPS)
    inner = torch.gelu(torch.linear(attended, intermediate_weight, intermediate_bias), approximate=ACTIVATION)
    output = torch.linear(inner, output_weight, output_bias)
    return torch.layer_norm(torch.add(output, attended), [HIDDEN], output_norm_weight, output_norm_bias, EPS)
