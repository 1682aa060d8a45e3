  def attention(self: MODULE,
    x: Tensor,
    asking: Tensor,
    mask: Tensor,
    query_weight: Tensor,
    query_bias: Tensor,
    key_weight: Tensor,
    key_bias: Tensor,
    value_weight: Tensor,
    value_bias: Tensor) -> Tensor:
    query = (self).heads(torch.linear(asking, query_weight, query_bias), )
    key = (self).heads(torch.linear(x, key_weight, key_bias), )
    value = (self).heads(torch.linear(x, value_weight, value_bias), )
    by_head = torch.scaled_dot_product_attention(query, key, value, mask, 0., False)
    return torch.reshape(torch.transpose(by_head, 1, 2), torch.size(asking))
