"""Names of functions: what else a function is called, and names that no function of your own may have."""

ALIASES = {
    "tr": "trace",
    "dot": "@",
    "matmul": "@",
    "expit": "sigmoid",
    "absolute": "abs",
    "transpose": "T",
    "amax": "max",
    "amin": "min",
    "true_divide": "divide",
    "identity": "eye",
    "diagonal": "diag",
    "swish": "silu",
    "ln": "log",
    "inverse": "inv",
    "mse": "mean_squared_error",
    "ravel": "flatten",
    "logsigmoid": "log_sigmoid",
}
JUMPS = ("argmax", "argmin", "argsort", "around", "ceil", "fix", "floor", "floor_divide", "rint", "round", "trunc")
REFUSED = {
    **dict.fromkeys(JUMPS, " is not supported: it jumps, and where it has a derivative it is zero"),
    "vec": " is X.T.flatten() if it stacks columns, X.flatten() if it stacks rows",
    "einsum": ": the subscripts come first, in quotes: einsum('ni,oi->no', X, W)",
}
# Functions of NumPy, SciPy and Python that no unknown function should be mistaken for.
_OTHERS = """
    all allclose angle any append arange arccosh arcsinh arctan2 arctanh argpartition array asarray attention
    average batch_norm bincount block bool broadcast_to cbrt cholesky column_stack compile complex concatenate cond
    conj conjugate conv conv1d conv2d convolve copy copysign corrcoef correlate cov cross cross_entropy cummax
    cummin cumprod cumsum d diagflat diff digamma digitize divmod dropout dsplit eig eigh eigvals eigvalsh embedding
    empty entropy equal eval exec exp2 expand_dims expm fft fill_diagonal flip fliplr flipud float fmax fmin fmod
    frexp full gamma gammaln geomspace gradient greater greater_equal group_norm hadamard hardtanh heaviside
    histogram hsplit hstack ifft imag imread indices input int interp isclose isfinite isinf isnan layer_norm
    layernorm len less less_equal lgamma linspace logical_and logical_not logical_or logit logspace lstsq
    matrix_rank matrix_transpose max_pool median meshgrid mish mod moveaxis multi_dot nan_to_num nanmax nanmean
    nanmin nanstd nansum nanvar nonzero normalize not_equal open pad partition percentile permute_dims pinv polyfit
    polyval positive print prod product ptp put qr quantile rad2deg rank real remainder repeat reshape resize
    rms_norm roll rot90 round_ searchsorted select selu sinc size slogdet sort split sqrtm squeeze stack svd svdvals
    swapaxes take take_along_axis tensordot tensorinv tensorsolve tile trapezoid tri tril triu unique unravel_index
    unwrap vander vsplit vstack
"""
RESERVED = frozenset(_OTHERS.split())
