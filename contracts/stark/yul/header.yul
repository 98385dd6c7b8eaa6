// Everything of a proof before its queries. Calldata: claim (32 bytes), then the seal up to the first query.
// Runs the transcript, evaluates the trace at z, has the constraint contracts check it, and returns the memory
// which the queries work with: challenges, control id, DEEP weights, final polynomial, powers of the generator.
object "HeaderVerifier" {
    code {
        // Constructor arguments: the constraint contracts' addresses, a word each, behind this code.
        let size := datasize("runtime")
        datacopy(0, dataoffset("runtime"), size)
        codecopy(size, sub(codesize(), $PART_ARGUMENTS), $PART_ARGUMENTS)
        $SET_PARTS
        return(0, size)
    }
    object "runtime" {
        code {
            mstore($RESERVED, memoryguard($HEADER_MEMORY))
            // phase: start
            if iszero(eq(calldatasize(), $CALLDATA_HEADER)) { fail($FAIL_LENGTH) }

            // The names of proof system and circuit are fixed, so the transcript begins at a constant.
            mstore($STATE, $INITIAL_STATE)

            // Globals: inner control root, claim, row count.
            calldatacopy($ROW, $SEAL_GLOBALS, $GLOBALS_LENGTH)
            commit(keccak256($ROW, $GLOBALS_LENGTH))
            if iszero(and(eq(calldataload($SEAL_GLOBALS), $INNER_ROOT_LOW),
                          eq(calldataload(add($SEAL_GLOBALS, 32)), $INNER_ROOT_HIGH))) { fail($FAIL_INNER_ROOT) }
            if iszero(eq(shr(224, calldataload($SEAL_PO2)), $PO2)) { fail($FAIL_PO2) }
            {
                let claim := 0
                for { let i := 0 } lt(i, 32) { i := add(i, 1) } {
                    let word := shr(224, calldataload(add($SEAL_GLOBALS, shl(2, i))))
                    if iszero(lt(word, $P)) { fail($FAIL_GLOBAL_RANGE) }
                    mstore(add($IMAGE_GLOBALS, shl(5, i)), mulmod(word, $WORD_TO_FORM, $P))
                    if gt(i, 15) {
                        // The claim: sixteen little-endian half-words.
                        let half := mulmod(word, $WORD_TO_CANONICAL, $P)
                        if gt(half, 0xffff) { fail($FAIL_CLAIM_HALF) }
                        claim := or(shl(16, claim), or(shl(8, and(half, 0xff)), shr(8, half)))
                    }
                }
                if iszero(eq(claim, calldataload(0))) { fail($FAIL_CLAIM) }
            }

            // Trace commitments. The root of the code columns names the program: the caller decides on it.
            {
                let root := top_root($SEAL_CODE_TOP)
                mstore($CONTROL_ID, root)
                commit(root)
            }
            commit(top_root($SEAL_DATA_TOP))
            for { let slot := $IMAGE_MIXES } lt(slot, $IMAGE_MIXES_END) { slot := add(slot, 32) } {
                mstore(slot, mulmod(element(), $FORM, $P))
            }
            commit(top_root($SEAL_ACCUM_TOP))
            mstore($POLY_MIX, extension())
            commit(top_root($SEAL_CHECK_TOP))
            let z := extension()
            mstore($Z, z)

            // Coefficients: the image's memory is free until the evaluations are written, so hash them there.
            calldatacopy($IMAGE, $SEAL_COEFFICIENTS, $COEFFICIENTS_LENGTH)
            commit(keccak256($IMAGE, $COEFFICIENTS_LENGTH))
            {
                let over := 0
                let source := $SEAL_COEFFICIENTS
                for { let d := $COEFFICIENTS } lt(d, $COEFFICIENTS_LAST) { d := add(d, 64) } {
                    let word := calldataload(source)
                    source := add(source, 32)
                    let a := unpack(shr(128, word))
                    let b := unpack(word)
                    over := or(over, or(add(a, $NON_CANONICAL), add(b, $NON_CANONICAL)))
                    mstore(d, a)
                    mstore(add(d, 32), b)
                }
                let last := unpack(shr(128, calldataload(source)))
                mstore($COEFFICIENTS_LAST, last)
                mstore($OVER, or(over, add(last, $NON_CANONICAL)))
            }
            // phase: transcript, globals, tops, coefficients

            $STORE_MULTIPLES
            // z^j times 2^22: multiplied with a coefficient as it stands in the seal (2^32) this gives form M.
            {
                let power := z
                for { let slot := $Z_POWERS } lt(slot, $Z_POWERS_END) { slot := add(slot, 32) } {
                    mstore(slot, fold_twice(mul(power, $WORD_TO_FORM_UNFOLDED)))
                    power := multiply(power, z)
                }
            }
            $EVALUATE_TRACE
            // phase: evaluate the trace at z

            {
                let mix := mload($POLY_MIX)
                let power := mix
                mstore($IMAGE_POWERS, $FORM)
                mstore(add($IMAGE_POWERS, 32), mix)
                $POLY_MIX_POWERS
            }
            $CALL_PARTS
            // phase: constraint contracts

            // Quotient polynomial: sum of z^i * block_i, times (3z)^N - 1, equals the constraint's value.
            {
                let quotient := 0
                let power := $FORM
                $QUOTIENT_BLOCKS
                let vanishing := reduce(mul(3, z))
                for { let i := 0 } lt(i, $PO2) { i := add(i, 1) } { vanishing := multiply(vanishing, vanishing) }
                vanishing := reduce(add(vanishing, $MINUS_ONE))
                if iszero(equal(multiply(reduce(quotient), vanishing), mload($IMAGE_VARIABLES))) {
                    fail($FAIL_CONSTRAINT)
                }
            }

            // DEEP weights: powers of a challenge, one for each column, in canonical form; and the coefficients
            // mixed with them, one list for each combo.
            {
                let mix := extension()
                let weight := $FORM
                for { let i := $OPENINGS } lt(i, $OPENINGS_END) { i := add(i, 32) } { mstore(i, 0) }
                let slot := $WEIGHTS
                $MIX_COLUMNS
            }
            for { let i := $OPENINGS } lt(i, $OPENINGS_END) { i := add(i, 32) } {
                mstore(i, reduce(sub($TWICE_P, reduce(mload(i)))))
            }
            $WEIGHT_TABLES
            // phase: quotient, DEEP weights

            $STORE_POLES
            {
                let z2 := multiply(z, z)
                mstore($POLE_CHECK, sub($TWICE_P, multiply(z2, z2)))
            }
            // Domain points lie in the base field. If z and z^4 do not, no denominator of a query can be zero.
            if or(in_base_field(mload($POLES)), in_base_field(mload($POLE_CHECK))) { fail($FAIL_DEGENERATE_POINT) }

            commit(top_root($SEAL_FRI1_TOP))
            mstore($FRI1_CHALLENGE, extension())
            commit(top_root($SEAL_FRI2_TOP))
            mstore($FRI2_CHALLENGE, extension())
            commit(top_root($SEAL_FRI3_TOP))
            mstore($FRI3_CHALLENGE, extension())
            calldatacopy($ROW, $SEAL_FINAL, $FINAL_LENGTH)
            commit(keccak256($ROW, $FINAL_LENGTH))
            {
                let over := mload($OVER)
                for { let i := 0 } lt(i, 32) { i := add(i, 1) } {
                    let word := calldataload(add($SEAL_FINAL, shl(5, i)))
                    let a := and(shr(32, word), $LOW_WORDS)
                    let b := and(word, $LOW_WORDS)
                    over := or(over, or(add(a, $NON_CANONICAL), add(b, $NON_CANONICAL)))
                    mstore(add($FINAL, shl(6, i)), a)
                    mstore(add(add($FINAL, 32), shl(6, i)), b)
                }
                mstore($OVER, over)
            }
            // Work: with the nonce in it, the state from which the queries are drawn begins with zeros.
            commit(shr(224, calldataload($SEAL_NONCE)))
            if shr($NO_WORK_SHIFT, mload($STATE)) { fail($FAIL_WORK) }
            $GENERATOR_TABLES
            // phase: FRI commitments, final polynomial, work, tables

            return($SHARED, $SHARED_LENGTH)

            // --- functions
$COMMON_FUNCTIONS
            function element() -> v {
                v := mod(and(draw(), 0xffffffffffffffffffffffffffffffff), $P)
            }

            function extension() -> v {
                v := mulmod(element(), $FORM, $P)
                v := or(v, shl(64, mulmod(element(), $FORM, $P)))
                v := or(v, shl(128, mulmod(element(), $FORM, $P)))
                v := or(v, shl(192, mulmod(element(), $FORM, $P)))
            }

            function commit(digest) {
                mstore(0, mload($STATE))
                mstore(32, digest)
                mstore($STATE, keccak256(0, 64))
                mstore($COUNTER, 0)
            }

            // Merkle root of the layer of 32 nodes at this calldata offset, halving it in place.
            function top_root(source) -> root {
                calldatacopy($ELEMENTS, source, $TOP_LENGTH)
                for { let n := $TOP_LENGTH } gt(n, 32) { n := shr(1, n) } {
                    let d := $ELEMENTS
                    for { let s := $ELEMENTS } lt(s, add($ELEMENTS, n)) { s := add(s, 64) } {
                        mstore(d, keccak256(s, 64))
                        d := add(d, 32)
                    }
                }
                root := mload($ELEMENTS)
            }

            function in_base_field(t) -> yes {
                yes := iszero(or(mod(and(shr(64, t), 0xffffffffffffffff), $P),
                              or(mod(and(shr(128, t), 0xffffffffffffffff), $P), mod(shr(192, t), $P))))
            }

            // Four 32-bit words, the first one highest, to lanes with the first one lowest.
            function unpack(v) -> e {
                e := or(or(and(shr(96, v), 0xffffffff), shl(64, and(shr(64, v), 0xffffffff))),
                        or(shl(128, and(shr(32, v), 0xffffffff)), shl(192, and(v, 0xffffffff))))
            }

            // Transpose four elements: word k at t gets lane k of a, b, c, d in its lanes 0 to 3.
            function transpose(a, b, c, d, t) {
                let p0 := or(and(a, $EVEN_LANES), shl(64, and(b, $EVEN_LANES)))
                let p1 := or(and(shr(64, a), $EVEN_LANES), and(b, $ODD_LANES))
                let q0 := or(and(c, $EVEN_LANES), shl(64, and(d, $EVEN_LANES)))
                let q1 := or(and(shr(64, c), $EVEN_LANES), and(d, $ODD_LANES))
                mstore(t, or(and(p0, $LOW_HALF), shl(128, q0)))
                mstore(add(t, 32), or(and(p1, $LOW_HALF), shl(128, q1)))
                mstore(add(t, 64), or(shr(128, p0), and(q0, $HIGH_HALF)))
                mstore(add(t, 96), or(shr(128, p1), and(q1, $HIGH_HALF)))
            }

            // Add weight times n bytes of coefficients at s to the openings at o. At most 163 products a lane:
            // far below what reduce takes.
            function mix_in(s, o, n, weight) {
                for { let end := add(s, n) } lt(s, end) { s := add(s, 32) } {
                    mstore(o, add(mload(o), multiply(weight, mload(s))))
                    o := add(o, 32)
                }
            }

            $EVALUATION_FUNCTIONS
        }
    }
}
