    length = torch.size(input_ids, 1)
    if torch.gt(length, LONGEST):
      ops.prim.RaiseException("a text has more tokens than the model has positions, LONGEST: truncate it")
    else:
      pass
    x0 = EMBEDDED
    padding = torch.to(torch.eq(attention_mask, 0), x0)
    mask = torch.mul(torch.reshape(padding, [torch.size(input_ids, 0), 1, 1, length]), -3.4028234663852886e+38)
    places = torch.to(torch.arange(length), x0)
