"""Thin objects over the operations, for people who think in layers.

A layer keeps three things between calls: its parameters, the pullback of its last forward
pass, and the gradients that ``backward`` got by calling that pullback. Before the first
``backward`` there are none.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import sqrt
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import activations
from ._arguments import Array, finite, generator, integer
from .activations import Pullback
from .dense import linear


class Layer(Protocol):
    """What `Sequential` and `SGD` ask of a layer, one of your own included."""

    @property
    def params(self) -> dict[str, Array]:
        """The parameters, by name."""

    @property
    def grads(self) -> dict[str, Array]:
        """Their gradients, under the same names and in the same shapes."""

    def forward(self, X: ArrayLike, /) -> Array:
        """Return the output for the input X."""

    def backward(self, dY: ArrayLike, /, *, input_gradient: bool = True) -> Array | None:
        """Fill `grads` from the upstream gradient and return the gradient of the input."""


class Remembering:
    """A layer that remembers the pullback of its last forward pass."""

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}
        self._pullback: Callable[..., Any] | None = None

    def _last_pullback(self) -> Callable[..., Any]:
        if self._pullback is None:
            raise RuntimeError(
                f"{type(self).__name__}.backward: there is nothing to go back through; call forward first"
            )
        return self._pullback


class Linear(Remembering):
    """``Y = X W^T + b`` with its own weight and bias.

    Parameters
    ----------
    in_features, out_features : int
        The weight has shape (out_features, in_features), the bias (out_features,).
    bias : bool, optional
        Without, `params` has no "bias".
    rng : None, int or numpy.random.Generator, optional
        Where the first parameters come from: uniform within 1 / sqrt(in_features) of zero.
    dtype : dtype, optional
        numpy.float64, or numpy.float32.

    Attributes
    ----------
    params, grads : dict of str to ndarray
        "weight" and "bias": the parameters, and after `backward` their gradients.

    Raises
    ------
    TypeError
        A number of features is not an integer, or the dtype is not floating point.
    ValueError
        A number of features is less than 1; in `forward` and `backward`, the shapes do not fit.
    RuntimeError
        In `backward`: `forward` was not called.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> layer = hg.Linear(3, 2, rng=0)
    >>> layer.forward(np.ones((5, 3))).shape
    (5, 2)
    >>> layer.backward(np.ones((5, 2))).shape
    (5, 3)
    >>> layer.grads["weight"].shape == layer.params["weight"].shape
    True
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        rng: Any = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        super().__init__()
        for name, size in {"in_features": in_features, "out_features": out_features}.items():
            if integer("Linear", name, size) < 1:
                raise ValueError(f"Linear: {name} is {size}; it must be at least 1")
        if not _is_floating(dtype):
            raise TypeError(f"Linear: dtype is {dtype!r}; it must be floating point, numpy.float64 or numpy.float32")
        rng = generator("Linear", rng)
        bound = 1 / sqrt(in_features)
        shapes = {"weight": (out_features, in_features), "bias": (out_features,)}
        for name in shapes if bias else ["weight"]:
            self.params[name] = rng.uniform(-bound, bound, shapes[name]).astype(dtype)

    def __repr__(self) -> str:
        W = self.params["weight"]
        outputs, inputs = W.shape
        bias = "" if "bias" in self.params else ", bias=False"
        dtype = "" if W.dtype == np.float64 else f", dtype={W.dtype}"
        return f"Linear({inputs}, {outputs}{bias}{dtype})"

    def forward(self, X: ArrayLike) -> Array:
        """Return Y, shape (n, out), for X, shape (n, in)."""
        Y, self._pullback = linear(X, self.params["weight"], self.params.get("bias"))
        return Y

    def backward(self, dY: ArrayLike, *, input_gradient: bool = True) -> Array | None:
        """Fill `grads` from the upstream gradient dY and return dX, or None if not asked for."""
        pullback = self._last_pullback()
        self.grads.clear()  # the new gradients then take the memory of the old, still in the cache
        dX: Array | None
        dX, dW, db = pullback(dY, input_gradient=input_gradient)
        self.grads["weight"] = dW
        if db is not None:
            self.grads["bias"] = db
        return dX


def _is_floating(dtype: DTypeLike) -> bool:
    try:
        return np.dtype(dtype).kind == "f"
    except TypeError:  # a name that NumPy does not know
        return False


class Activation(Remembering):
    """A layer without parameters around one of the operations of `handgrad.activations`."""

    _operation: Callable[[ArrayLike], tuple[Array, Pullback]]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def forward(self, Z: ArrayLike) -> Array:
        """Return the activation of Z, in the shape of Z."""
        A, self._pullback = self._operation(Z)
        return A

    def backward(self, dA: ArrayLike, *, input_gradient: bool = True) -> Array | None:
        """Return dZ for the upstream gradient dA, or None if not asked for."""
        pullback = self._last_pullback()
        return pullback(dA) if input_gradient else None


class ReLU(Activation):
    """`relu` as a layer without parameters."""

    _operation = staticmethod(activations.relu)


class LeakyReLU(Activation):
    """`leaky_relu` as a layer, with its slope to the left of 0."""

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        self.slope = finite("LeakyReLU", "slope", slope)
        self._operation = partial(activations.leaky_relu, slope=slope)

    def __repr__(self) -> str:
        return f"LeakyReLU({self.slope})"


class Sigmoid(Activation):
    """`sigmoid` as a layer."""

    _operation = staticmethod(activations.sigmoid)


class Tanh(Activation):
    """`tanh` as a layer."""

    _operation = staticmethod(activations.tanh)


class GELU(Activation):
    """`gelu` as a layer."""

    _operation = staticmethod(activations.gelu)


class Softplus(Activation):
    """`softplus` as a layer."""

    _operation = staticmethod(activations.softplus)


class Softmax(Activation):
    """`softmax` over the last axis as a layer."""

    _operation = staticmethod(activations.softmax)


class LogSoftmax(Activation):
    """`log_softmax` over the last axis as a layer."""

    _operation = staticmethod(activations.log_softmax)


class Sequential:
    """Layers one after the other: forward in their order, backward in the reverse.

    Parameters
    ----------
    *layers : Layer
        At least one, a Sequential included, and none of them twice. Kept as the tuple ``layers``.

    Attributes
    ----------
    params, grads : dict of str to ndarray
        Those of all layers, a key being the layer's position and its own key: "0.weight".

    Raises
    ------
    TypeError
        An argument is not a layer.
    ValueError
        There is no layer, or one is there twice: it remembers its last forward pass only.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> hidden, last = hg.Linear(4, 3, rng=0), hg.Linear(3, 2, rng=1)
    >>> net = hg.Sequential(hidden, hg.ReLU(), last)
    >>> X, T = np.ones((5, 4)), np.zeros((5, 2))
    >>> loss, loss_pullback = hg.mean_squared_error(net.forward(X), T)
    >>> net.backward(loss_pullback()).shape
    (5, 4)
    >>> list(net.grads)
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *layers: Layer) -> None:
        if not layers:
            raise ValueError("Sequential: got no layers; it needs at least one")
        for i, layer in enumerate(layers):
            _check_layer("Sequential", f"layer {i}", layer)
        self.layers = layers
        places: dict[int, str] = {}
        for place, leaf in _leaves(self):
            if id(leaf) in places:
                raise ValueError(
                    f"Sequential: layers {places[id(leaf)]} and {place} are one object, {leaf!r}, which remembers "
                    f"its last forward pass only; make a second one. Weights that are shared need gradients that "
                    f"are added, +="
                )
            places[id(leaf)] = place

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"

    def forward(self, X: ArrayLike) -> Array:
        """Return the output of the last layer."""
        Y = np.asarray(X)
        for i, layer in enumerate(self.layers):
            try:
                Y = layer.forward(Y)
            except (TypeError, ValueError) as error:
                error.args = (f"Sequential, layer {i}: {error}",)
                raise
        return Y

    def backward(self, dY: ArrayLike, *, input_gradient: bool = True) -> Array | None:
        """Fill the layers' ``grads`` from dY; return dX, or None if not asked for.

        A training step passes ``input_gradient=False``: the gradient of the data is wasted work.
        """
        first, *later = self.layers
        upstream: Any = dY
        for layer in reversed(later):
            upstream = layer.backward(upstream)
        return first.backward(upstream, input_gradient=input_gradient)

    @property
    def params(self) -> dict[str, Array]:
        """The parameters of all layers."""
        return _numbered(layer.params for layer in self.layers)

    @property
    def grads(self) -> dict[str, Array]:
        """The gradients of all layers."""
        return _numbered(layer.grads for layer in self.layers)


def _leaves(net: Layer, place: str = "") -> Iterator[tuple[str, Layer]]:
    """The layers that are no Sequential, each with its place, such as "1.0"."""
    if isinstance(net, Sequential):
        for i, layer in enumerate(net.layers):
            yield from _leaves(layer, f"{place}.{i}" if place else f"{i}")
    else:
        yield place, net


def _check_layer(where: str, name: str, layer: Any) -> None:
    """Raise unless `layer` is a layer: an object, not its class, not a list of layers."""
    needed = ("params", "grads", "forward", "backward")
    if isinstance(layer, type) or not all(hasattr(layer, attribute) for attribute in needed):
        hint = "; make one of several: Sequential(*layers)" if isinstance(layer, list | tuple) else ""
        raise TypeError(
            f"{where}: {name} is {layer!r:.60}; it must be a layer, an object with {', '.join(needed)}, "
            f"such as ReLU(){hint}"
        )


def _numbered(dicts: Iterable[dict[str, Array]]) -> dict[str, Array]:
    return {f"{i}.{name}": array for i, d in enumerate(dicts) for name, array in d.items()}


class SGD:
    """Gradient descent: ``step()`` moves each parameter by ``-lr`` times its gradient.

    Parameters
    ----------
    net : Layer
        Its parameters are changed in place. Finish `backward` before `step`: pullbacks read the
        weights of their forward pass, and after a step those are no longer there.
    lr : float
        The learning rate, positive.

    Raises
    ------
    TypeError
        The net is not a layer, or the learning rate is not a number.
    ValueError
        The learning rate is not positive and finite.
    RuntimeError
        In `step`: there are no gradients yet.

    Notes
    -----
    Pullbacks are linear, so the learning rate may as well enter at the loss: with
    ``net.backward(loss_pullback(lr))`` the gradients arrive as finished steps, and
    ``SGD(net, lr=1)`` saves a pass over all parameters. For a batch of one that is a fifth of the
    time of a training step.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> layer = hg.Linear(2, 1, bias=False, rng=0)
    >>> before = layer.params["weight"].copy()
    >>> _ = layer.forward(np.array([[1.0, 2.0]]))
    >>> _ = layer.backward(np.array([[10.0]]))
    >>> hg.SGD(layer, lr=0.5).step()
    >>> layer.params["weight"] - before
    array([[ -5., -10.]])
    """

    def __init__(self, net: Layer, lr: float) -> None:
        _check_layer("SGD", "net", net)
        self.net = net
        self.lr = finite("SGD", "lr", lr)
        if self.lr <= 0:
            raise ValueError(f"SGD: lr is {lr}; it must be positive")
        self._layers = [layer for _, layer in _leaves(net)]

    def step(self) -> None:
        """Take one step with the gradients that the last `backward` left."""
        pairs = [(layer.params, layer.grads) for layer in self._layers]
        for params, grads in pairs:
            if params.keys() != grads.keys():
                raise RuntimeError("SGD.step: there are no gradients to step along; call backward first")
        for params, grads in pairs:
            for name, P in params.items():
                P -= grads[name] if self.lr == 1 else self.lr * grads[name]
