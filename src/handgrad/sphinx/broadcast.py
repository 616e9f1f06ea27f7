"""Claims as LaTeX, with broadcasting written out: ``X W^T + b`` adds ``1 b^T``."""

from collections.abc import Collection, Mapping

from handgrad.derive.language.formula import Part
from handgrad.derive.language.latex import ONES, TRANSPOSED, Printer
from handgrad.derive.language.matrix import ATOM, POWER, PRODUCT

from .values import Value


class ClaimPrinter(Printer):
    """Prints formulas whose parts have been evaluated.

    Parameters
    ----------
    seen : dict
        The value of each part; what stands after a false line has none, and is printed as it is.
    spelling : dict
        LaTeX for names that are to be printed otherwise than by `name_latex`.
    transposed : collection of str
        The names that derivatives are written by the transpose of, as ``dL/dW^T``.
    """

    def __init__(
        self, seen: Mapping[Part, Value], spelling: Mapping[str, str] | None = None, transposed: Collection[str] = ()
    ) -> None:
        super().__init__(spelling)
        self.seen, self.by_transpose = seen, transposed

    def is_scalar(self, node: Part) -> bool:
        """Whether a part is a scalar."""
        return self.seen[node].scalar if node in self.seen else super().is_scalar(node)

    def is_matrix(self, node: Part) -> bool:
        """Whether a part is a matrix."""
        return node in self.seen and self.seen[node].column and self.seen[node].row

    def is_vector(self, node: Part) -> bool:
        """Whether a part is a vector in NumPy, which has no transpose."""
        return node in self.seen and self.seen[node].vector and not self.seen[node].upright

    def show(self, node: Part) -> tuple[str, int]:
        """Print a formula, and say how tightly it binds."""
        if node.op == "upright" or (node.op == "numpy T" and self.is_vector(node.args[0])):
            return self.show(node.args[0])
        return super().show(node)

    def variable(self, name: str, letters: tuple[str, ...] | None) -> str:
        """What a derivative is taken by; its transpose, in the layout that is written so."""
        if name in self.by_transpose and not letters:
            return self.inside(Part("name", info=name), ATOM) + TRANSPOSED
        return super().variable(name, letters)

    def product(self, node: Part) -> tuple[str, int]:
        """Products; ``v @ B``, a vector from the left, is ``v^T u``, or as a vector again ``B^T v``."""
        left, right = node.args
        if node.op != "@" or not self.is_vector(left):
            return super().product(node)
        first, second = (right, left) if self.seen[right].column else (left, right)
        return f"{self.inside(first, ATOM)}{TRANSPOSED} {self.gap(left, right)}{self.inside(second, POWER)}", PRODUCT

    def operand(self, part: Part, whole: Part, binding: int) -> str:
        """Print an operand, with the ones that broadcasting implies."""
        if part not in self.seen or whole not in self.seen:
            return super().operand(part, whole, binding)
        mine, result = self.seen[part], self.seen[whole]
        if (mine.row, mine.column) == (result.row, result.column):
            return self.inside(part, binding)
        text, below = self.inside(part, POWER), ONES
        if mine.scalar:
            below += (ONES if result.column and result.row else "") + (TRANSPOSED if result.column else "")
            if part.op == "number" and part.info == 1:
                return below
            return rf"{text}\, {below}"
        if mine.row and mine.upright:
            return text + ONES + TRANSPOSED
        return ONES + (self.inside(part, ATOM) + TRANSPOSED if mine.row else text)

    def call(self, node: Part) -> tuple[str, int]:
        """A function by name; a sum over axes is a product with ones."""
        name, options = node.info
        if name != "sum":
            return super().call(node)
        (arg,), axis = node.args, options.get("axis")
        if (arg in self.seen and not self.seen[arg].column) or (axis == 0 and options.get("keepdims")):
            return f"{ONES}{TRANSPOSED} {self.inside(arg, POWER)}", PRODUCT
        if axis == 0:
            return f"{self.inside(arg, ATOM)}{TRANSPOSED} {ONES}", PRODUCT
        return f"{ONES}{TRANSPOSED} " * (axis is None) + f"{self.inside(arg, POWER)} {ONES}", PRODUCT
