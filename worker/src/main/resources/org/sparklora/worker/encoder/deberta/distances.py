    place = torch.arange(length)
    distance = torch.sub(torch.unsqueeze(place, 1), torch.unsqueeze(place, 0))
    rows = ROWS
    relative = torch.layer_norm(TABLE, [HIDDEN], NORM, EPS)
