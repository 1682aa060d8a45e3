  def heads(self: MODULE,
    x: Tensor) -> Tensor:
    split = torch.reshape(x, [torch.size(x, 0), torch.size(x, 1), HEADS, HEAD_SIZE])
    return torch.transpose(split, 1, 2)
  def after_attention(self: MODULE,
    context: Tensor,
    asking: Tensor,
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
    attention = torch.linear(context, attention_weight, attention_bias)
    attended = torch.layer_norm(torch.add(attention, asking), [HIDDEN], attention_norm_weight, attention_norm_bias, EPS)
    inner = torch.gelu(torch.linear(attended, intermediate_weight, intermediate_bias), approximate=ACTIVATION)
    output = torch.linear(inner, output_weight, output_bias)
    return torch.layer_norm(torch.add(output, attended), [HIDDEN], output_norm_weight, output_norm_bias, EPS)
