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
    "logabsdet": "logdet",
}
# Options that are called otherwise elsewhere.
OPTIONS = {
    "dim": "; write axis=",
    "keepdim": "; write keepdims=",
    **dict.fromkeys(["min", "max", "a_min", "a_max"], "; write clip(x, low, high)"),
}
JUMPS = ("argmax", "argmin", "argsort", "around", "ceil", "fix", "floor", "floor_divide", "rint", "round", "trunc")
# Functions of NumPy, SciPy and Python that no unknown function should be mistaken for.
_OTHERS = """
    adj adjugate all allclose angle any append arange arccosh arcsinh arctan2 arctanh argpartition array asarray
    attention average batch_norm batchnorm bincount block bool broadcast_to cbrt center centre chol cholesky cof
    cofactor cofactors column_stack compile complex concatenate cond conj conjugate conv conv1d conv2d convolve
    copy copysign corrcoef correlate cosm cov cross cummax cummin cumprod cumsum d diagflat diff digamma
    digitize divmod dropout dsplit eig eigh eigvals eigvalsh embedding empty entropy equal eval exec exp2
    expand_dims expm fft fill_diagonal flip fliplr flipud float fmax fmin fmod frexp full funm gamma gammaln
    geglu geomspace glu gradient greater greater_equal group_norm groupnorm hadamard hardtanh heaviside
    histogram hsplit hstack ifft imag imread indices input instance_norm instancenorm int interp isclose
    isfinite isinf isnan layer_norm layernorm len less less_equal lgamma linspace logical_and logical_not
    logical_or logit logm logspace lstsq lu matrix_rank matrix_transpose max_pool median meshgrid mish mod
    moveaxis multi_dot nan_to_num nanmax nanmean nanmin nanstd nansum nanvar nonzero normalise normalize
    not_equal nuclear nuclear_norm open pad partition percentile permanent permute_dims pinv polyfit polyval
    positive print prod product ptp put qr quantile rad2deg rank real remainder repeat reshape resize rms_norm
    rmsnorm roll rot90 round_ searchsorted select selu signm sinc sinm size slogdet sort sparsemax spectral
    spectral_norm split sqrtm squeeze stack standardise standardize svd svdvals swapaxes swiglu sym take
    take_along_axis tanm tensordot tensorinv tensorsolve tile topk trapezoid tri tril triu unique unravel_index
    unvec unwrap vander vech vsplit vstack whiten zscore
"""
RESERVED = frozenset(_OTHERS.split())
REFUSED = {
    **dict.fromkeys(RESERVED, " is not supported; choose another name for a function of your own"),
    **dict.fromkeys(JUMPS, " is not supported: it jumps, and where it has a derivative it is zero"),
    "vec": " is X.T.flatten() if it stacks columns, X.flatten() if it stacks rows",
    "softmin": " is not supported; it is softmax(-X)",
    "cross_entropy": " may be softmax_cross_entropy(Z, T), of logits and rows of probabilities; write what is meant",
    "einsum": ": the subscripts come first, in quotes: einsum('ni,oi->no', X, W)",
}
