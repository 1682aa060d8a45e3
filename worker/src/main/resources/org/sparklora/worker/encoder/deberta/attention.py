  def by_distance(self: MODULE,
    x: Tensor,
    relative: Tensor,
    rows: Tensor) -> Tensor:
    positions = torch.reshape(relative, [-1, HEADS, HEAD_SIZE])
    products = torch.matmul(x, torch.permute(positions, [1, 2, 0]))
    index = torch.expand(rows, [torch.size(x, 0), HEADS, torch.size(rows, 0), torch.size(rows, 1)])
    return torch.gather(products, 3, index)
  def attention(self: MODULE,
    x: Tensor,
    asking: Tensor,
    mask: Tensor,
    relative: Tensor,
    rows: Tensor,
    query_weight: Tensor,
    query_bias: Tensor,
    key_weight: Tensor,
    key_bias: Tensor,
    value_weight: Tensor,
    value_bias: Tensor) -> Tensor:
    query = (self).heads(torch.linear(asking, query_weight, query_bias), )
    key = (self).heads(torch.linear(x, key_weight, key_bias), )
    value = (self).heads(torch.linear(x, value_weight, value_bias), )
    asked = torch.slice(rows, 0, 0, torch.size(asking, 1))
    of_query = (self).by_distance(query, torch.linear(relative, key_weight, key_bias), asked, )
    of_key = (self).by_distance(key, torch.linear(relative, query_weight, query_bias), torch.transpose(asked, 0, 1), )
    content = torch.matmul(query, torch.transpose(key, 2, 3))
    scores = torch.add(torch.add(content, of_query), torch.transpose(of_key, 2, 3))
    probabilities = torch.softmax(torch.add(torch.div(scores, ROOT), mask), -1)
    by_head = torch.matmul(probabilities, value)
    return torch.reshape(torch.transpose(by_head, 1, 2), torch.size(asking))
