  def layer(self: MODULE,
    asking: Tensor,
    read: Tensor,
    mask: Tensor,
    angles: Tensor,
    projections_weight: Tensor,
    attention_weight: Tensor,
    norm_weight: Tensor,
    wide_weight: Tensor,
    narrow_weight: Tensor) -> Tensor:
    rows = torch.size(read, 0)
    length = torch.size(read, 1)
    projected = torch.linear(read, projections_weight)
    parts = torch.reshape(projected, [rows, length, 3, HEADS, 2, HALF])
    cosine = torch.reshape(torch.cos(angles), [length, 1, 1, HALF])
    sine = torch.reshape(torch.sin(angles), [length, 1, 1, HALF])
    first = torch.select(parts, 4, 0)
    second = torch.select(parts, 4, 1)
    turned = torch.stack([torch.sub(torch.mul(first, cosine), torch.mul(second, sine)), torch.add(torch.mul(second, cosine), torch.mul(first, sine))], 4)
    by_head = torch.permute(torch.reshape(turned, [rows, length, 3, HEADS, -1]), [2, 0, 3, 1, 4])
    value = torch.permute(torch.reshape(torch.select(parts, 2, 2), [rows, length, HEADS, -1]), [0, 2, 1, 3])
    query = torch.slice(torch.select(by_head, 0, 0), 2, 0, torch.size(asking, 1))
    seen = torch.slice(mask, 2, 0, torch.size(asking, 1))
    attended = torch.scaled_dot_product_attention(query, torch.select(by_head, 0, 1), value, seen, 0., False)
    context = torch.reshape(torch.transpose(attended, 1, 2), torch.size(asking))
    a = torch.add(torch.linear(context, attention_weight), asking)
    both = torch.linear(torch.layer_norm(a, [HIDDEN], norm_weight, None, EPS), wide_weight)
    inner, gate, = torch.chunk(both, 2, 2)
    gated = torch.mul(torch.gelu(inner, approximate=ACTIVATION), gate)
    return torch.add(torch.linear(gated, narrow_weight), a)
