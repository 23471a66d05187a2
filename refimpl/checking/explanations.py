"""What the words of a report mean: for each, what was seen, what usually causes it, and what to try."""

from __future__ import annotations

from typing import NamedTuple


class Explanation(NamedTuple):
    """Three sentences or so."""

    seen: str
    causes: str
    next: str


DIAGNOSES = {
    "accumulates": Explanation(
        "An equal second call returned twice the gradient of the first.",
        "The backward pass adds into a buffer that is not cleared: += where = is meant, or an atomic add into old memory.",
        "Zero the buffer at the start of the backward pass, or write each element once.",
    ),
    "nondeterministic": Explanation(
        "Two equal calls returned different gradients.",
        "Unseeded randomness, a race between threads, unwritten memory, or state left by a call in between.",
        "Call it twice with another call in between and without: if only the first differs, something is cached globally.",
    ),
    "non_finite": Explanation(
        "NaN or infinity where the reference has numbers.",
        "0 * inf, log(0), sqrt(0) or x - x of infinities, often in a branch that where() computes and then discards.",
        "Compute the safe argument first (where inside, not outside), or use the tail form that the operator's page gives.",
    ),
    "zero": Explanation(
        "The gradient is exactly 0 everywhere.",
        "The argument is detached or turned into a constant, or its path is left out of the backward pass.",
        "Look for stop_gradient, .detach(), .item(), float(x), or a gradient that is never added.",
    ),
    "constant_factor": Explanation(
        "All entries are off by the same factor; if it equals a known number or a power of a parameter, that is named.",
        "A factor of the chain rule is missing, doubled or of the wrong sign: 1/2, beta, 1/scale, 1/n of a mean.",
        "Find the named factor in the derivation and count how often the code applies it.",
    ),
    "missing_term": Explanation(
        "The difference to the reference is a multiple of one term of the operator's declared derivation.",
        "That term was forgotten, counted twice, halved, or has the wrong sign.",
        "The terms carry the numbers of the derivation in the operator's file: compare with the term that is named.",
    ),
    "column_scale": Explanation(
        "Each entry is off by its own fixed factor, the same for every input.",
        "A weight per entry (a mask, a mean over a ragged axis, a padding) is applied or forgotten.",
        "Print the factors: 0 means an entry that is never written or summed.",
    ),
    "permuted": Explanation(
        "The right numbers stand at the wrong places, by one fixed permutation.",
        "Off by one, reversed order, or a transposed layout.",
        "The permutation is printed: a shift is an off-by-one, a stride is a transpose.",
    ),
    "sorted_order": Explanation(
        "The right numbers stand in the order of the sorted input.",
        "The inverse permutation is not applied to the gradient.",
        "Scatter back through argsort: gx[order] = g_sorted, not gx = g_sorted.",
    ),
    "jvp_not_vjp": Explanation(
        "What is returned is J g, the derivative along the cotangent, not its transpose.",
        "A matrix is not transposed in the backward pass.",
        "Swap the indices of the contraction.",
    ),
    "cotangent_altered": Explanation(
        "The gradient is right for another cotangent than the one handed in: its absolute value, sign, clipped value ...",
        "The backward pass was written for cotangents of ones, or clips gradients on the way.",
        "Feed random, signed, dense cotangents; ones and one-hot vectors hide this.",
    ),
    "straight_through": Explanation(
        "The gradient is the cotangent itself.",
        "A straight-through estimator: the operator is treated as the identity.",
        "Use it if you mean it, but it is not the derivative.",
    ),
    "hard_permutation": Explanation(
        "The gradient is the cotangent, permuted as the hard sort permutes the input.",
        "The temperature is ignored in the backward pass.",
        "Differentiate the relaxed swap, not the hard one.",
    ),
    "additive": Explanation(
        "The difference to the reference does not depend on the cotangent.",
        "Something is added: a regulariser, or memory that was not cleared.",
        "Call the pullback with a zero cotangent: what comes back is what is added.",
    ),
    "swapped_arguments": Explanation(
        "The gradient is that of another argument.",
        "Gradients are returned in another order than the arguments.",
        "Return them by name.",
    ),
    "stale": Explanation(
        "The gradient is right for an input of an earlier call.",
        "What the backward pass needs is saved globally, not per call.",
        "Save residuals in the closure or context of the call.",
    ),
    "low_precision": Explanation(
        "The gradient is right to the number of digits of a smaller floating-point type.",
        "An intermediate result is float32, float16 or bfloat16, or a constant was rounded.",
        "Look for a default dtype, a literal array, or a cast.",
    ),
    "not_linear": Explanation(
        "The pullback of a sum is not the sum of the pullbacks.",
        "Clipping, normalising or thresholding inside the backward pass.",
        "A pullback is a linear map of the cotangent: move the nonlinearity out of it.",
    ),
    "localised": Explanation(
        "The gradient is right on one side of a condition and wrong on the other; the boundary is printed.",
        "A branch: saturation, ties, the first or last batch row, a size beyond a block.",
        "Test an input on either side of the boundary that is printed.",
    ),
    "unclassified": Explanation(
        "No known mistake predicts the gradient that was returned; the facts are printed instead.",
        "Often two mistakes at once, or a wrong derivative of one part.",
        "Mend what other arguments' diagnoses name first; then save the case and replay it (check --save, replay).",
    ),
}

VERDICTS = {
    "right": Explanation(
        "Every oracle that could judge agrees.",
        "",
        "Look at 'not checked' and 'not offered': they are not included.",
    ),
    "wrong": Explanation(
        "An oracle refutes it: the reference, finite differences at three step sizes, a law, or the contract.",
        "",
        "Read the diagnosis; save the smallest failing input with --save and replay it.",
    ),
    "cannot tell": Explanation(
        "The evidence does not decide: finite differences are blind where a sigmoid is saturated or a kink is near.",
        "Rounding of the function value hides its change, or the two one-sided slopes differ.",
        "The reference decides where it is asked; --strict makes this an exit code.",
    ),
    "vacuous": Explanation(
        "There was nothing to compare: no elements.", "Inputs of size zero.", "Check with inputs that hold numbers."
    ),
    "not offered": Explanation(
        "The implementation does not have this operator, argument or gradient. It is counted and is no failure.",
        "",
        "Raise NotOffered (or answer skip) for what you do not support.",
    ),
    "crashed": Explanation(
        "The implementation raised, died, fell silent, or answered something that is no answer.",
        "",
        "The message names the exception and the line, or the signal and the last words on stderr.",
    ),
}


def explain(name: str) -> Explanation | None:
    """The explanation of a diagnosis or a verdict; names may be written with blanks, hyphens or underscores."""
    wanted = name.lower().replace("-", " ").replace("_", " ")
    for words in (DIAGNOSES, VERDICTS):
        for word, explanation in words.items():
            if word.replace("_", " ") == wanted:
                return explanation
    return None
