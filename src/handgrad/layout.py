"""Layouts: in which order a derivative's numbers are stored.

``dy/dx`` is one number for each entry of y and each entry of x. The layouts differ only in the
order of the axes, so that converting one into another is a transposition of axes and never
changes a number.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np

from ._arguments import Array, function, integer
from ._pushforward import float64_array, pushforward


class Layout(StrEnum):
    """The order of the axes of ``dy/dx``.

    Let a matrix y have the axes ``ab`` (a vector: ``a``) and a matrix x the axes ``cd`` (a
    vector: ``c``). A vector is a one-dimensional array, neither a row nor a column.

    ================  ========  =========  ===========  =====================
    y by x            shape     numerator  denominator  transposed-
                                                        denominator
    ================  ========  =========  ===========  =====================
    scalar by vector  ``c``     ``c``      ``c``        ``c``
    scalar by matrix  ``cd``    ``dc``     ``cd``       ``dc``
    vector by scalar  ``a``     ``a``      ``a``        ``a``
    vector by vector  ``ac``    ``ac``     ``ca``       ``ac``
    vector by matrix  ``acd``   ``acd``    ``cda``      ``adc``
    matrix by scalar  ``ab``    ``ab``     ``ba``       ``ab``
    matrix by vector  ``abc``   ``abc``    ``cab``      ``abc``
    matrix by matrix  ``abcd``  ``abcd``   ``cdab``     ``abdc``
    ================  ========  =========  ===========  =====================

    Notes
    -----
    - ``shape``: the axes of y, then those of x. A gradient has the shape of its variable.
    - ``numerator``: y first, then x. A scalar y leaves nothing to put first; the tables then
      store the transpose, so that ``dy = trace(dy/dX @ dX)``.
    - ``denominator``: x first, then y. A scalar x leaves nothing to put first, and ``dY/dx``
      has the shape of ``Y.T``. Up to two axes this is the transpose of ``numerator``; beyond
      two, the two blocks of axes change places and each keeps its order.
    - ``transposed-denominator``: ``dy/dx^T``, the axes of y and then those of ``x.T``. It equals
      ``numerator`` wherever printed tables have an entry, and differs for a vector or a matrix
      by a matrix.

    Examples
    --------
    >>> import handgrad as hg
    >>> hg.Layout("denominator")
    <Layout.DENOMINATOR: 'denominator'>
    >>> hg.Layout.NUMERATOR == "numerator"
    True
    """

    NUMERATOR = "numerator"
    DENOMINATOR = "denominator"
    SHAPE = "shape"
    TRANSPOSED_DENOMINATOR = "transposed-denominator"

    def axes(self, ndim_out: int, ndim_in: int) -> tuple[int, ...]:
        """Return the order of the axes, counted as in ``shape``: y's first, then x's.

        Examples
        --------
        >>> import handgrad as hg
        >>> hg.Layout("denominator").axes(1, 2)  # vector by matrix: cda
        (1, 2, 0)
        """
        of_y = tuple(range(ndim_out))
        of_x = tuple(range(ndim_out, ndim_out + ndim_in))
        if self is Layout.NUMERATOR:
            return of_y + of_x if of_y else of_x[::-1]
        if self is Layout.DENOMINATOR:
            return of_x + of_y if of_x else of_y[::-1]
        if self is Layout.TRANSPOSED_DENOMINATOR:
            return of_y + of_x[::-1]
        return of_y + of_x


def jacobian(f: Callable[[Array], Any], x: Array, layout: str = Layout.NUMERATOR) -> Array:
    """Return the derivative of f at x, computed numerically, in the given layout.

    Parameters
    ----------
    f : callable
        From an array like x to a scalar, a vector, a matrix, or an array of more axes.
    x : ndarray or float
        Where to differentiate: float64, any shape.
    layout : Layout or str, optional
        The order of the axes, see `Layout`.

    Returns
    -------
    ndarray of float64
        One entry for each pair of an entry of ``f(x)`` and an entry of x: by complex step for
        each entry of ``f(x)`` that allows it, which is right to the last digits, else by central
        difference, to about nine.

    Raises
    ------
    TypeError
        f is not a function, x is not float64, or the value is not real floating point.
    ValueError
        The layout is unknown, or x or the value holds nan or infinity.

    See Also
    --------
    convert : the same numbers in another layout.

    Notes
    -----
    One column for each entry of x: ``J[..., j] = J e_j``. Source: Squire and Trapp, Using
    Complex Variables to Estimate Derivatives of Real Functions, SIAM Review 40 (1998).

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> W = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> x = np.array([1.0, -1.0, 0.5])
    >>> hg.jacobian(lambda x: W @ x, x)
    array([[1., 2., 3.],
           [4., 5., 6.]])
    >>> hg.jacobian(lambda x: W @ x, x, layout="denominator").shape
    (3, 2)
    >>> hg.jacobian(lambda W: (W**2).sum(), W, layout="numerator").shape
    (3, 2)
    >>> hg.jacobian(lambda W: (W**2).sum(), W, layout="shape").shape
    (2, 3)
    """
    to = _layout("jacobian", "layout", layout)
    function("jacobian", "f", f)
    x = float64_array("jacobian", "x", x)
    push = pushforward("jacobian", f, x, np.random.default_rng(0))
    columns = [push(e.reshape(x.shape)) for e in np.eye(x.size)]
    J = np.array(columns).reshape(x.shape + push.y.shape)
    by_shape = np.moveaxis(J, range(x.ndim), range(-x.ndim, 0))
    return by_shape.transpose(to.axes(push.y.ndim, x.ndim))


def convert(J: Array, from_layout: str, to_layout: str, *, ndim_out: int | None = None) -> Array:
    """Return the derivative J, stored in one layout, in another.

    Parameters
    ----------
    J : array_like
        ``dy/dx`` in the layout `from_layout`.
    from_layout, to_layout : Layout or str
        See `Layout`.
    ndim_out : int, optional
        The number of axes of y: 0 for a scalar, 1 for a vector, 2 for a matrix; the other axes
        of J are those of x. Needed only where the answer depends on it.

    Returns
    -------
    ndarray
        A view of J with its axes in another order.

    Raises
    ------
    TypeError
        `ndim_out` is not an integer.
    ValueError
        A layout is unknown, `ndim_out` does not fit J, or it is missing and the answer depends
        on it.

    Examples
    --------
    >>> import numpy as np
    >>> import handgrad as hg
    >>> J = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> hg.convert(J, "numerator", "denominator")
    array([[1., 4.],
           [2., 5.],
           [3., 6.]])

    Two axes may be a vector by a vector, or a scalar by a matrix. The first is stored the same
    in ``numerator`` and ``shape``, the second is not:

    >>> hg.convert(J, "numerator", "shape", ndim_out=1).shape
    (2, 3)
    >>> hg.convert(J, "numerator", "shape", ndim_out=0).shape
    (3, 2)
    """
    J = np.asarray(J)
    source = _layout("convert", "from_layout", from_layout)
    target = _layout("convert", "to_layout", to_layout)
    if ndim_out is not None and not 0 <= integer("convert", "ndim_out", ndim_out) <= J.ndim:
        raise ValueError(
            f"convert: ndim_out is {ndim_out}; J has {J.ndim} axes (shape {J.shape}), "
            f"of which y has between 0 and {J.ndim}"
        )
    possible = range(J.ndim + 1) if ndim_out is None else [ndim_out]
    orders = {_reorder(source, target, out, J.ndim - out) for out in possible}
    if len(orders) > 1:
        raise ValueError(
            f"convert: ndim_out is needed to convert an array of shape {J.shape} from "
            f"{source} to {target} layout: the number of axes of y, such as 0 for a scalar"
        )
    (order,) = orders
    return J.transpose(order)


def _reorder(source: Layout, target: Layout, ndim_out: int, ndim_in: int) -> tuple[int, ...]:
    stored = source.axes(ndim_out, ndim_in)
    return tuple(stored.index(axis) for axis in target.axes(ndim_out, ndim_in))


def _layout(where: str, argument: str, name: str) -> Layout:
    if name not in list(Layout):
        known = ", ".join(f'"{layout}"' for layout in Layout)
        raise ValueError(f"{where}: {argument} is {name!r}; it must be one of {known}")
    return Layout(name)
