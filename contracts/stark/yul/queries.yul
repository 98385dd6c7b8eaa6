            // All queries in the calldata from $QUERIES_AT on.
            // Rows are padded to whole words; what follows the accum and code rows must read as zero.
            mstore($ACCUM_ROW_END, 0)
            mstore($CODE_ROW_END, 0)

            for { let pointer := $QUERIES_AT } lt(pointer, calldatasize()) { pointer := add(pointer, $QUERY_LENGTH) } {
                let position := and(draw(), $DOMAIN_MASK)
                let leaf := position
                $OPEN_TRACE
                // phase: draws, trace leaves and paths
                split_rows()
                let x := generator_power(position)
                mstore($SPLIT_POWERS, powers_0_to_3(x))
                mstore(add($SPLIT_POWERS, 32), powers_4_and_5(x))
                numerators()
                // phase: row range checks, DEEP numerators
                $FRI_ROUNDS
                if iszero(equal(goal, mul(16, final_value(generator_power(
                    shl($FINAL_DOMAIN_SPREAD, and(position, $FINAL_DOMAIN_MASK))))))) { fail($FAIL_FINAL) }
                // phase: final polynomial
            }
            // One test for every field word of the seal: bit 32 of a lane is set if its word was p or more.
            if and(mload($OVER), $CARRY) { fail($FAIL_RANGE) }
            $RESULT

            // --- functions
$COMMON_FUNCTIONS
            $PATH_FUNCTIONS

            // The 32-bit words of all rows as lanes: odd words of each 32 bytes, then even ones; range-checked.
            function split_rows() { mstore($OVER, verbatim_1i_1o(hex"$SPLIT_ROWS", mload($OVER))) }

            // g^e for an exponent below the domain's size, g the generator of the domain, from tables of its powers.
            function generator_power(e) -> v {
                $GENERATOR_POWER
            }

            function powers_0_to_3(x) -> v {
                let x2 := mulmod(x, x, $P)
                v := or(or(1, shl(64, x)), or(shl(128, x2), shl(192, mulmod(x, x2, $P))))
            }

            function powers_4_and_5(x) -> v {
                let x4 := mulmod(x, x, $P)
                x4 := mulmod(x4, x4, $P)
                v := or(x4, shl(64, mulmod(x, x4, $P)))
            }

            // For each combo: the weighted sum of its columns minus its mixed openings at x. Words and weights are
            // 31-bit values (a word that is not fails the range check), so four products fit a lane.
            function numerators() { verbatim_0i_0o(hex"$NUMERATORS") }

            // Copy an FRI leaf, range-check it, and turn it from component-major into 16 elements.
            function load_leaf(source) {
                calldatacopy($LEAF, source, $LEAF_LENGTH)
                mstore($OVER, verbatim_1i_1o(hex"$UNPACK_LEAF", mload($OVER)))
            }

            // x minus a pole; the pole is stored negated.
            function factor(pole, x) -> v {
                let t := mload(pole)
                v := reduce(or(and(t, $UPPER_LANES), mod(add(and(t, 0xffffffffffffffff), x), $P)))
            }

            // The DEEP equation, multiplied out with all denominators. With d_b = x - z * back^b and
            // A = d3 d4 d68, B = d7 d15 d16, H = d2 A B, e = x - z^4, the combos have the denominators
            // d0; d0 d1; d0 d1 d2 A; d0 d1 d2 B; d0 d2 B; and e for the check columns. Every factor is a product or
            // reduced, and a numerator is below p, so no sum needs more than one reduce before it is multiplied.
            function deep(x, value) {
                let a := multiply(multiply(factor($POLE_3, x), factor($POLE_4, x)), factor($POLE_68, x))
                let b := multiply(multiply(factor($POLE_7, x), factor($POLE_15, x)), factor($POLE_16, x))
                let d1 := factor($POLE_1, x)
                let h := multiply(multiply(factor($POLE_2, x), a), b)
                let s := multiply(h, reduce(add(mload($NUMERATOR_1), multiply(mload($NUMERATOR_0), d1))))
                s := add(s, multiply(mload($NUMERATOR_2), b))
                s := add(s, multiply(a, reduce(add(mload($NUMERATOR_3), multiply(mload($NUMERATOR_4), d1)))))
                let e := factor($POLE_CHECK, x)
                let right := multiply(reduce(s), e)
                let left := reduce(sub(add(multiply(value, e), $TWICE_P), mload($NUMERATOR_5)))
                left := multiply(multiply(multiply(left, h), d1), factor($POLE_0, x))
                if iszero(equal(left, right)) { fail($FAIL_DEEP) }
            }

            // 16 times the interpolation of the loaded leaf at challenge * shift.
            function fold_leaf(challenge, shift) -> v {
                v := verbatim_1i_1o(hex"$FOLD_LEAF", fold_twice(mul(challenge, mulmod(shift, $FORM, $P))))
            }

            // The final polynomial at a base field point: dot products with its powers, Horner by x^8.
            function final_value(x) -> v {
                let x2 := mulmod(x, x, $P)
                let x4 := mulmod(x2, x2, $P)
                let x8 := mulmod(x4, x4, $P)
                let even := or(or(1, shl(64, x2)), or(shl(128, x4), shl(192, mulmod(x2, x4, $P))))
                let odd := or(or(x, shl(64, mulmod(x, x2, $P))),
                              or(shl(128, mulmod(x, x4, $P)), shl(192, mulmod(x, mulmod(x2, x4, $P), $P))))
                let a
                $FINAL_COMPONENTS
            }
