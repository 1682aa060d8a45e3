"""Logits of models by transformers. Arguments: pairs of a model directory and a case.json; a line of JSON for each."""
import json, sys
import torch, transformers

transformers.logging.set_verbosity_error()
for directory, case in zip(sys.argv[1::2], sys.argv[2::2]):
    config = transformers.AutoConfig.from_pretrained(directory)
    made_for = getattr(transformers, config.architectures[0])
    model, loading = made_for.from_pretrained(directory, output_loading_info=True)
    batch = json.load(open(case))["forward_batch"]
    names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in batch]
    with torch.no_grad():
        logits = model.eval()(**{name: torch.tensor(batch[name]) for name in names}).logits
    print(json.dumps({
        "logits": logits.flatten().tolist(),
        "missing": sorted(loading["missing_keys"]),
        "unexpected": sorted(loading["unexpected_keys"]),
    }))
