            function fail(code) {
                mstore(0, code)
                revert(0, 32)
            }

            function draw() -> v {
                let count := mload($COUNTER)
                mstore(0, mload($STATE))
                mstore(32, shl(224, count))
                mstore($COUNTER, add(count, 1))
                v := keccak256(0, 36)
            }

            // Packed arithmetic: lanes.py says what these compute and for which lane bounds.
            function multiply(a, b) -> t { t := verbatim_2i_1o(hex"$MULTIPLY", a, b) }
            function fold_twice(t) -> v { v := verbatim_1i_1o(hex"$FOLD_TWICE", t) }
            function reduce(t) -> v { v := verbatim_1i_1o(hex"$REDUCE", t) }

            // Whether two elements are the same modulo p; b may have lanes up to 64 p.
            function equal(a, b) -> yes {
                let t := sub(add(a, $P_TIMES_64), b)
                yes := iszero(or(or(mod(and(t, 0xffffffffffffffff), $P), mod(and(shr(64, t), 0xffffffffffffffff), $P)),
                              or(mod(and(shr(128, t), 0xffffffffffffffff), $P), mod(shr(192, t), $P))))
            }
