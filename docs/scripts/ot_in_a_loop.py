"""Optimal transport between the words of translations as the loss of a plain PyTorch loop (needs xl-objectives alone).

A rotation is found again that was put between two sets of word vectors whose order is shuffled in each sentence.
"""

import torch

from xl_objectives import ot_loss

torch.manual_seed(1)
words, width = torch.randn(200, 8), 8
turned = torch.linalg.qr(torch.randn(width, width)).Q
learnt = torch.nn.Linear(width, width, bias=False)
optimizer = torch.optim.Adam(learnt.parameters(), lr=0.02)
mask = torch.ones(16, 6, dtype=torch.bool)  # sentences, words
for step in range(400):
    picked = torch.randint(len(words), (16, 6))
    other = picked[:, torch.randperm(6)]  # a translation has the words in another order
    loss = ot_loss(learnt(words[picked]), words[other] @ turned, mask, mask, solver="exact", scope="sentence")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"step {step}: transport costs {loss.item():.4f}")
print(f"the rotation is off by {torch.linalg.norm(learnt.weight.T - turned).item():.4f}")
