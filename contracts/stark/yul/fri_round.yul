                load_leaf(add(pointer, $LEAF_OFFSET))
                if iszero(eq(path$DEPTH(keccak256($LEAF, $LEAF_LENGTH), and(position, $INDEX_MASK),
                                        add(pointer, $PATH_OFFSET)),
                             calldataload(add($TOP, shl(5, and(shr($DEPTH, position), 31)))))) { fail($FAIL_PATH) }
                // phase: FRI leaves and paths
                $CHECK_VALUE
                $FOLD
                // phase: FRI folds
