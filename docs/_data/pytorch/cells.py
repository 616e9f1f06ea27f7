# ruff: noqa: ARG004, D100, D101, D102, D103, N816, T201 - the cells of a page: it explains them, and shows what they print
# %% layer
import torch


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(X, W, b):
        return X @ W.T + b

    @staticmethod
    def setup_context(ctx, inputs, output):
        X, W, _ = inputs
        ctx.save_for_backward(X, W)

    @staticmethod
    def backward(ctx, G):
        X, W = ctx.saved_tensors
        return G @ W, G.T @ X, G.sum(dim=0)


# %% run: X W b G Y dX dW db
import numpy as np

rng = np.random.default_rng(0)


def gaussian(*shape):
    return torch.tensor(rng.standard_normal(shape))  # float64


X = gaussian(5, 3).requires_grad_()
W = gaussian(4, 3).requires_grad_()
b = gaussian(4).requires_grad_()
G = gaussian(5, 4)

Y = Linear.apply(X, W, b)
Y.backward(G)
dX, dW, db = X.grad, W.grad, b.grad
print(dX.shape == X.shape, dW.shape == W.shape, db.shape == b.shape)

# %% built-in
built_in = torch.nn.functional.linear(X, W, b)
theirs = torch.autograd.grad(built_in, (X, W, b), G)
pairs = zip((dX, dW, db), theirs, strict=True)
print([torch.allclose(ours, g) for ours, g in pairs])

# %% check
from torch.autograd import gradcheck

print("right:", gradcheck(Linear.apply, (X, W, b)))


class Untransposed(Linear):
    @staticmethod
    def backward(ctx, G):
        X, W = ctx.saved_tensors
        return G @ W.T, G.T @ X, G.sum(dim=0)  # G @ W is right


S = gaussian(3, 3).requires_grad_()
c = gaussian(3).requires_grad_()
(wrong,) = torch.autograd.grad(Untransposed.apply(X, S, c).sum(), X)
print("shape fits:", wrong.shape == X.shape)
passes = gradcheck(Untransposed.apply, (X, S, c), raise_exception=False)
print("wrong:", passes)


# %% shape
class Flipped(Linear):
    @staticmethod
    def backward(ctx, G):
        X, W = ctx.saved_tensors
        return G @ W, X.T @ G, G.sum(dim=0)  # G.T @ X is right


try:
    torch.autograd.grad(Flipped.apply(X, W, b).sum(), W)
except RuntimeError as error:
    print(error)

# %% vjp: Y dX dW db
Y, pullback = torch.func.vjp(Linear.apply, X, W, b)
dX, dW, db = pullback(G)

# %% scalar
try:
    Linear.apply(X, W, b).backward()
except RuntimeError as error:
    print(error)

# %% accumulate: dW
W.grad = None
for _ in range(3):
    Linear.apply(X, W, b).backward(G)
dW = W.grad

# %% in-place
A = gaussian(5, 3)
Y = Linear.apply(A, W, b)
A *= 2
try:
    torch.autograd.grad(Y, W, G)
except RuntimeError as error:
    print(str(error).partition(":")[0])


# %% unguarded: A dW
class Unguarded(Linear):
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.inputs = inputs[:2]  # not save_for_backward

    @staticmethod
    def backward(ctx, G):
        X, W = ctx.inputs
        return G @ W, G.T @ X, G.sum(dim=0)


A = gaussian(5, 3)
Y = Unguarded.apply(A, W, b)
A *= 2
(dW,) = torch.autograd.grad(Y, W, G)

# %% jacobian: J
J = torch.func.jacrev(Linear.apply, argnums=1)(X, W, b)
print(tuple(J.shape))


# %% module: W1 b1 W2 b2 T loss W1_after b1_after W2_after b2_after
class HandLinear(torch.nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = torch.nn.Parameter(gaussian(out_features, in_features))
        self.bias = torch.nn.Parameter(gaussian(out_features))

    def forward(self, X):
        return Linear.apply(X, self.weight, self.bias)


net = torch.nn.Sequential(HandLinear(3, 6), torch.nn.ReLU(), HandLinear(6, 2))
W1, b1, W2, b2 = (p.detach().clone() for p in net.parameters())
T = gaussian(5, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(20):
    loss = torch.nn.functional.mse_loss(net(X.detach()), T)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
W1_after, b1_after, W2_after, b2_after = net.parameters()

# %% end
