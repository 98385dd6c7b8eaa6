// The entry. Calldata: claim (32 bytes), then the whole seal. Returns the control id of the program that made the
// claim, or reverts with the number of the check that failed. It deploys its own HeaderVerifier.
object "SealVerifier" {
    code {
        // Constructor arguments: the constraint contracts' addresses, passed on as they are.
        let size := datasize("HeaderVerifier")
        datacopy(0, dataoffset("HeaderVerifier"), size)
        codecopy(size, sub(codesize(), 256), 256)
        let header := create(0, 0, add(size, 256))
        if iszero(header) { revert(0, 0) }
        size := datasize("runtime")
        datacopy(0, dataoffset("runtime"), size)
        setimmutable(0, "header", header)
        return(0, size)
    }
    object "runtime" {
        code {
            mstore(1536, memoryguard(40416))
            if iszero(eq(calldatasize(), 130704)) { fail(1) }
            calldatacopy(21504, 0, 18904)
            if iszero(staticcall(gas(), loadimmutable("header"), 21504, 18904,
                                 64, 21440)) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
            // phase: start
            // All queries in the calldata from 18904 on.
            // Rows are padded to whole words; what follows the accum and code rows must read as zero.
            mstore(4160, 0)
            mstore(4256, 0)

            for { let pointer := 18904 } lt(pointer, calldatasize()) { pointer := add(pointer, 4300) } {
                let position := and(draw(), 2097151)
                let leaf := position
                calldatacopy(4128, add(pointer, 0), 48)
            if iszero(eq(path16(keccak256(4128, 48), leaf, add(pointer, 48)), calldataload(add(2212, shl(5, shr(16, position)))))) { fail(10) }
            calldatacopy(4192, add(pointer, 560), 92)
            if iszero(eq(path16(keccak256(4192, 92), leaf, add(pointer, 652)), calldataload(add(164, shl(5, shr(16, position)))))) { fail(10) }
            calldatacopy(4288, add(pointer, 1164), 512)
            if iszero(eq(path16(keccak256(4288, 512), leaf, add(pointer, 1676)), calldataload(add(1188, shl(5, shr(16, position)))))) { fail(10) }
            calldatacopy(4800, add(pointer, 2188), 64)
            if iszero(eq(path16(keccak256(4800, 64), leaf, add(pointer, 2252)), calldataload(add(3236, shl(5, shr(16, position)))))) { fail(10) }
                // phase: draws, trace leaves and paths
                split_rows()
                let x := generator_power(position)
                mstore(4064, powers_0_to_3(x))
                mstore(add(4064, 32), powers_4_and_5(x))
                numerators()
                // phase: row range checks, DEEP numerators
                                load_leaf(add(pointer, 2764))
                if iszero(eq(path12(keccak256(4864, 256), and(position, 131071),
                                        add(pointer, 3020)),
                             calldataload(add(14804, shl(5, and(shr(12, position), 31)))))) { fail(11) }
                // phase: FRI leaves and paths
                deep(mulmod(x, 1064793976, 2013265921), mload(add(1568, shl(5, and(shr(17, position), 15)))))
                // phase: DEEP equation
                let goal := fold_leaf(mload(224), generator_power(and(sub(2097152, shl(0, and(position, 131071))), 2097151)))
                // phase: FRI folds
                load_leaf(add(pointer, 3404))
                if iszero(eq(path8(keccak256(4864, 256), and(position, 8191),
                                        add(pointer, 3660)),
                             calldataload(add(15828, shl(5, and(shr(8, position), 31)))))) { fail(12) }
                // phase: FRI leaves and paths
                if iszero(equal(goal, mul(16, mload(add(1568, shl(5, and(shr(13, position), 15))))))) { fail(15) }
                goal := fold_leaf(mload(256), generator_power(and(sub(2097152, shl(4, and(position, 8191))), 2097151)))
                // phase: FRI folds
                load_leaf(add(pointer, 3916))
                if iszero(eq(path4(keccak256(4864, 256), and(position, 511),
                                        add(pointer, 4172)),
                             calldataload(add(16852, shl(5, and(shr(4, position), 31)))))) { fail(13) }
                // phase: FRI leaves and paths
                if iszero(equal(goal, mul(16, mload(add(1568, shl(5, and(shr(9, position), 15))))))) { fail(16) }
                goal := fold_leaf(mload(288), generator_power(and(sub(2097152, shl(8, and(position, 511))), 2097151)))
                // phase: FRI folds

                if iszero(equal(goal, mul(16, final_value(generator_power(
                    shl(12, and(position, 511))))))) { fail(17) }
                // phase: final polynomial
            }
            // One test for every field word of the seal: bit 32 of a lane is set if its word was p or more.
            if and(mload(128), 0x100000000000000010000000000000001000000000000000100000000) { fail(18) }
            return(640, 32)

            // --- functions
            function fail(code) {
                mstore(0, code)
                revert(0, 32)
            }

            function draw() -> v {
                let count := mload(96)
                mstore(0, mload(64))
                mstore(32, shl(224, count))
                mstore(96, add(count, 1))
                v := keccak256(0, 36)
            }

            // Packed arithmetic: lanes.py says what these compute and for which lane bounds.
            function multiply(a, b) -> t { t := verbatim_2i_1o(hex"5f198282099102809103807b07ffffff0000000007ffffff0000000007ffffff0000000007ffffff16600b02827b07ffffff0000000007ffffff0000000007ffffff0000000007ffffff160363780000010290600b0201907f03c000000800000f000000200000000f000000200000000f00000020000000000103601b1c807b07ffffff0000000007ffffff0000000007ffffff0000000007ffffff16637800000102907f03c000000800000003c000000800000003c000000800000003c00000080000000103601b1c", a, b) }
            function fold_twice(t) -> v { v := verbatim_1i_1o(hex"807b07ffffff0000000007ffffff0000000007ffffff0000000007ffffff16637800000102907f03c000000800000003c000000800000003c000000800000003c00000080000000103601b1c807b07ffffff0000000007ffffff0000000007ffffff0000000007ffffff16637800000102907f03c000000800000003c000000800000003c000000800000003c00000080000000103601b1c", t) }
            function reduce(t) -> v { v := verbatim_1i_1o(hex"80622222220260341c790fff0000000000000fff0000000000000fff0000000000000fff166378000001029003", t) }

            // Whether two elements are the same modulo p; b may have lanes up to 64 p.
            function equal(a, b) -> yes {
                let t := sub(add(a, 0x1e000000400000001e000000400000001e000000400000001e00000040), b)
                yes := iszero(or(or(mod(and(t, 0xffffffffffffffff), 2013265921), mod(and(shr(64, t), 0xffffffffffffffff), 2013265921)),
                              or(mod(and(shr(128, t), 0xffffffffffffffff), 2013265921), mod(shr(192, t), 2013265921))))
            }

            function path4(hash, i, p) -> v {
                let place
                v := hash
                place := and(shl(5, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 0))) v := keccak256(0, 64)
                place := and(shl(4, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 32))) v := keccak256(0, 64)
                place := and(shl(3, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 64))) v := keccak256(0, 64)
                place := and(shl(2, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 96))) v := keccak256(0, 64)
            }
            function path8(hash, i, p) -> v {
                let place
                v := hash
                place := and(shl(5, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 0))) v := keccak256(0, 64)
                place := and(shl(4, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 32))) v := keccak256(0, 64)
                place := and(shl(3, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 64))) v := keccak256(0, 64)
                place := and(shl(2, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 96))) v := keccak256(0, 64)
                place := and(shl(1, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 128))) v := keccak256(0, 64)
                place := and(i, 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 160))) v := keccak256(0, 64)
                place := and(shr(1, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 192))) v := keccak256(0, 64)
                place := and(shr(2, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 224))) v := keccak256(0, 64)
            }
            function path12(hash, i, p) -> v {
                let place
                v := hash
                place := and(shl(5, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 0))) v := keccak256(0, 64)
                place := and(shl(4, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 32))) v := keccak256(0, 64)
                place := and(shl(3, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 64))) v := keccak256(0, 64)
                place := and(shl(2, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 96))) v := keccak256(0, 64)
                place := and(shl(1, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 128))) v := keccak256(0, 64)
                place := and(i, 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 160))) v := keccak256(0, 64)
                place := and(shr(1, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 192))) v := keccak256(0, 64)
                place := and(shr(2, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 224))) v := keccak256(0, 64)
                place := and(shr(3, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 256))) v := keccak256(0, 64)
                place := and(shr(4, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 288))) v := keccak256(0, 64)
                place := and(shr(5, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 320))) v := keccak256(0, 64)
                place := and(shr(6, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 352))) v := keccak256(0, 64)
            }
            function path16(hash, i, p) -> v {
                let place
                v := hash
                place := and(shl(5, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 0))) v := keccak256(0, 64)
                place := and(shl(4, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 32))) v := keccak256(0, 64)
                place := and(shl(3, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 64))) v := keccak256(0, 64)
                place := and(shl(2, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 96))) v := keccak256(0, 64)
                place := and(shl(1, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 128))) v := keccak256(0, 64)
                place := and(i, 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 160))) v := keccak256(0, 64)
                place := and(shr(1, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 192))) v := keccak256(0, 64)
                place := and(shr(2, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 224))) v := keccak256(0, 64)
                place := and(shr(3, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 256))) v := keccak256(0, 64)
                place := and(shr(4, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 288))) v := keccak256(0, 64)
                place := and(shr(5, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 320))) v := keccak256(0, 64)
                place := and(shr(6, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 352))) v := keccak256(0, 64)
                place := and(shr(7, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 384))) v := keccak256(0, 64)
                place := and(shr(8, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 416))) v := keccak256(0, 64)
                place := and(shr(9, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 448))) v := keccak256(0, 64)
                place := and(shr(10, i), 32) mstore(place, v) mstore(xor(place, 32), calldataload(add(p, 480))) v := keccak256(0, 64)
            }

            // The 32-bit words of all rows as lanes: odd words of each 32 bytes, then even ones; range-checked.
            function split_rows() { mstore(128, verbatim_1i_1o(hex"7bffffffff00000000ffffffff00000000ffffffff00000000ffffffff7b87ffffff0000000087ffffff0000000087ffffff0000000087ffffff91611020518060201c831680610a2052840190831680610a405284011717611040518060201c831680610a6052840190831680610a805284011717611060518060201c831680610aa052840190831680610ac05284011717611080518060201c831680610ae052840190831680610b0052840117176110a0518060201c831680610b2052840190831680610b4052840117176110c0518060201c831680610b6052840190831680610b8052840117176110e0518060201c831680610ba052840190831680610bc05284011717611100518060201c831680610be052840190831680610c005284011717611120518060201c831680610c2052840190831680610c405284011717611140518060201c831680610c6052840190831680610c805284011717611160518060201c831680610ca052840190831680610cc05284011717611180518060201c831680610ce052840190831680610d0052840117176111a0518060201c831680610d2052840190831680610d4052840117176111c0518060201c831680610d6052840190831680610d8052840117176111e0518060201c831680610da052840190831680610dc05284011717611200518060201c831680610de052840190831680610e005284011717611220518060201c831680610e2052840190831680610e405284011717611240518060201c831680610e6052840190831680610e805284011717611260518060201c831680610ea052840190831680610ec05284011717611280518060201c831680610ee052840190831680610f0052840117176112a0518060201c831680610f2052840190831680610f4052840117176112c0518060201c831680610f6052840190831680610f8052840117176112e0518060201c831680610fa052840190831680610fc05284011717915050", mload(128))) }

            // g^e for an exponent below the domain's size, g the generator of the domain, from tables of its powers.
            function generator_power(e) -> v {
                v := mulmod(mulmod(mulmod(mload(add(5120, and(shl(5, e), 0x7e0))), mload(add(7168, and(shr(1, e), 0x3e0))), 2013265921), mload(add(8192, and(shr(6, e), 0x3e0))), 2013265921), mload(add(9216, and(shr(11, e), 0x3e0))), 2013265921)
            }

            function powers_0_to_3(x) -> v {
                let x2 := mulmod(x, x, 2013265921)
                v := or(or(1, shl(64, x)), or(shl(128, x2), shl(192, mulmod(x, x2, 2013265921))))
            }

            function powers_4_and_5(x) -> v {
                let x4 := mulmod(x, x, 2013265921)
                x4 := mulmod(x4, x4, 2013265921)
                v := or(x4, shl(64, mulmod(x, x4, 2013265921)))
            }

            // For each combo: the weighted sum of its columns minus its mixed openings at x. Words and weights are
            // 31-bit values (a word that is not fails the range check), so four products fit a lane.
            function numerators() { verbatim_0i_0o(hex"610a2051612800510260c01c610a4051612880510260c01c01610a6051612900510260c01c01610a8051612980510260c01c01610aa051612a00510260c01c01610ac051612a80510260c01c01610ae051612b00510260c01c01610b0051612b80510260c01c01610b2051612c00510260c01c01610b4051612c80510260c01c01610b6051612d00510260c01c01610b8051612d80510260c01c01610ba051612e00510260c01c01610bc051612e80510260c01c01610be051612f00510260c01c01610c0051612f80510260c01c01610c2051613000510260c01c01610c4051613080510260c01c01610d2051613100510260c01c01610d4051613180510260c01c01610f2051613200510260c01c01610f4051613280510260c01c01610fe051613300510260c01c0163780000019006610a2051612820510260c01c610a40516128a0510260c01c01610a6051612920510260c01c01610a80516129a0510260c01c01610aa051612a20510260c01c01610ac051612aa0510260c01c01610ae051612b20510260c01c01610b0051612ba0510260c01c01610b2051612c20510260c01c01610b4051612ca0510260c01c01610b6051612d20510260c01c01610b8051612da0510260c01c01610ba051612e20510260c01c01610bc051612ea0510260c01c01610be051612f20510260c01c01610c0051612fa0510260c01c01610c2051613020510260c01c01610c40516130a0510260c01c01610d2051613120510260c01c01610d40516131a0510260c01c01610f2051613220510260c01c01610f40516132a0510260c01c01610fe051613320510260c01c016378000001900660401b17610a2051612840510260c01c610a40516128c0510260c01c01610a6051612940510260c01c01610a80516129c0510260c01c01610aa051612a40510260c01c01610ac051612ac0510260c01c01610ae051612b40510260c01c01610b0051612bc0510260c01c01610b2051612c40510260c01c01610b4051612cc0510260c01c01610b6051612d40510260c01c01610b8051612dc0510260c01c01610ba051612e40510260c01c01610bc051612ec0510260c01c01610be051612f40510260c01c01610c0051612fc0510260c01c01610c2051613040510260c01c01610c40516130c0510260c01c01610d2051613140510260c01c01610d40516131c0510260c01c01610f2051613240510260c01c01610f40516132c0510260c01c01610fe051613340510260c01c016378000001900660801b17610a2051612860510260c01c610a40516128e0510260c01c01610a6051612960510260c01c01610a80516129e0510260c01c01610aa051612a60510260c01c01610ac051612ae0510260c01c01610ae051612b60510260c01c01610b0051612be0510260c01c01610b2051612c60510260c01c01610b4051612ce0510260c01c01610b6051612d60510260c01c01610b8051612de0510260c01c01610ba051612e60510260c01c01610bc051612ee0510260c01c01610be051612f60510260c01c01610c0051612fe0510260c01c01610c2051613060510260c01c01610c40516130e0510260c01c01610d2051613160510260c01c01610d40516131e0510260c01c01610f2051613260510260c01c01610f40516132e0510260c01c01610fe051613360510260c01c016378000001900660c01b176104a052610a2051613380510260c01c610a4051613400510260c01c01610b6051613480510260c01c01610b8051613500510260c01c01610e2051613580510260c01c01610e4051613600510260c01c01610fe051613680510260c01c0163780000019006610a20516133a0510260c01c610a4051613420510260c01c01610b60516134a0510260c01c01610b8051613520510260c01c01610e20516135a0510260c01c01610e4051613620510260c01c01610fe0516136a0510260c01c016378000001900660401b17610a20516133c0510260c01c610a4051613440510260c01c01610b60516134c0510260c01c01610b8051613540510260c01c01610e20516135c0510260c01c01610e4051613640510260c01c01610fe0516136c0510260c01c016378000001900660801b17610a20516133e0510260c01c610a4051613460510260c01c01610b60516134e0510260c01c01610b8051613560510260c01c01610e20516135e0510260c01c01610e4051613660510260c01c01610fe0516136e0510260c01c016378000001900660c01b176104c052610c2051613700510260c01c610c4051613780510260c01c01610c6051613800510260c01c01610c8051613880510260c01c01610ca051613900510260c01c01610cc051613980510260c01c01610ce051613a00510260c01c01610d0051613a80510260c01c01610d2051613b00510260c01c01610d4051613b80510260c01c01610d6051613c00510260c01c01610d8051613c80510260c01c01610da051613d00510260c01c01610dc051613d80510260c01c01610de051613e00510260c01c01610e0051613e80510260c01c01610e2051613f00510260c01c01610e4051613f80510260c01c01610fe051614000510260c01c0161100051614080510260c01c0163780000019006610c2051613720510260c01c610c40516137a0510260c01c01610c6051613820510260c01c01610c80516138a0510260c01c01610ca051613920510260c01c01610cc0516139a0510260c01c01610ce051613a20510260c01c01610d0051613aa0510260c01c01610d2051613b20510260c01c01610d4051613ba0510260c01c01610d6051613c20510260c01c01610d8051613ca0510260c01c01610da051613d20510260c01c01610dc051613da0510260c01c01610de051613e20510260c01c01610e0051613ea0510260c01c01610e2051613f20510260c01c01610e4051613fa0510260c01c01610fe051614020510260c01c01611000516140a0510260c01c016378000001900660401b17610c2051613740510260c01c610c40516137c0510260c01c01610c6051613840510260c01c01610c80516138c0510260c01c01610ca051613940510260c01c01610cc0516139c0510260c01c01610ce051613a40510260c01c01610d0051613ac0510260c01c01610d2051613b40510260c01c01610d4051613bc0510260c01c01610d6051613c40510260c01c01610d8051613cc0510260c01c01610da051613d40510260c01c01610dc051613dc0510260c01c01610de051613e40510260c01c01610e0051613ec0510260c01c01610e2051613f40510260c01c01610e4051613fc0510260c01c01610fe051614040510260c01c01611000516140c0510260c01c016378000001900660801b17610c2051613760510260c01c610c40516137e0510260c01c01610c6051613860510260c01c01610c80516138e0510260c01c01610ca051613960510260c01c01610cc0516139e0510260c01c01610ce051613a60510260c01c01610d0051613ae0510260c01c01610d2051613b60510260c01c01610d4051613be0510260c01c01610d6051613c60510260c01c01610d8051613ce0510260c01c01610da051613d60510260c01c01610dc051613de0510260c01c01610de051613e60510260c01c01610e0051613ee0510260c01c01610e2051613f60510260c01c01610e4051613fe0510260c01c01610fe051614060510260c01c01611000516140e0510260c01c016378000001900660c01b176104e052610e2051614100510260c01c610e4051614180510260c01c01610e6051614200510260c01c01610e8051614280510260c01c01610ea051614300510260c01c01610ec051614380510260c01c01610ee051614400510260c01c01610f0051614480510260c01c01610f4051614500510260c01c01610fe051614580510260c01c0161100051614600510260c01c0163780000019006610e2051614120510260c01c610e40516141a0510260c01c01610e6051614220510260c01c01610e80516142a0510260c01c01610ea051614320510260c01c01610ec0516143a0510260c01c01610ee051614420510260c01c01610f00516144a0510260c01c01610f4051614520510260c01c01610fe0516145a0510260c01c0161100051614620510260c01c016378000001900660401b17610e2051614140510260c01c610e40516141c0510260c01c01610e6051614240510260c01c01610e80516142c0510260c01c01610ea051614340510260c01c01610ec0516143c0510260c01c01610ee051614440510260c01c01610f00516144c0510260c01c01610f4051614540510260c01c01610fe0516145c0510260c01c0161100051614640510260c01c016378000001900660801b17610e2051614160510260c01c610e40516141e0510260c01c01610e6051614260510260c01c01610e80516142e0510260c01c01610ea051614360510260c01c01610ec0516143e0510260c01c01610ee051614460510260c01c01610f00516144e0510260c01c01610f4051614560510260c01c01610fe0516145e0510260c01c0161100051614660510260c01c016378000001900660c01b1761050052610ee051614680510260c01c610f0051614700510260c01c01610f2051614780510260c01c01610f4051614800510260c01c01610fe051614880510260c01c0161100051614900510260c01c0163780000019006610ee0516146a0510260c01c610f0051614720510260c01c01610f20516147a0510260c01c01610f4051614820510260c01c01610fe0516148a0510260c01c0161100051614920510260c01c016378000001900660401b17610ee0516146c0510260c01c610f0051614740510260c01c01610f20516147c0510260c01c01610f4051614840510260c01c01610fe0516148c0510260c01c0161100051614940510260c01c016378000001900660801b17610ee0516146e0510260c01c610f0051614760510260c01c01610f20516147e0510260c01c01610f4051614860510260c01c01610fe0516148e0510260c01c0161100051614960510260c01c016378000001900660c01b1761052052610f6051614980510260c01c610f8051614a00510260c01c01610fa051614a80510260c01c01610fc051614b00510260c01c01610fe051614b80510260c01c0163780000019006610f60516149a0510260c01c610f8051614a20510260c01c01610fa051614aa0510260c01c01610fc051614b20510260c01c01610fe051614ba0510260c01c016378000001900660401b17610f60516149c0510260c01c610f8051614a40510260c01c01610fa051614ac0510260c01c01610fc051614b40510260c01c01610fe051614bc0510260c01c016378000001900660801b17610f60516149e0510260c01c610f8051614a60510260c01c01610fa051614ae0510260c01c01610fc051614b60510260c01c01610fe051614be0510260c01c016378000001900660c01b1761054052") }

            // Copy an FRI leaf, range-check it, and turn it from component-major into 16 elements.
            function load_leaf(source) {
                calldatacopy(4864, source, 256)
                mstore(128, verbatim_1i_1o(hex"7bffffffff00000000ffffffff00000000ffffffff00000000ffffffff7b87ffffff0000000087ffffff0000000087ffffff0000000087ffffff77ffffffffffffffff0000000000000000ffffffffffffffff6fffffffffffffffffffffffffffffffff936113005160201c8416808401821791506113405160201c8516808501831792506113805160201c8616808601841793506113c05160201c87168087018517945083861683871660401b1782871682881660401b178560401c881685891916178460401c8916848a1916178260801b848e16176106e0528060801b828e16176106a0528260801c60801b8460801c17610660528060801c60801b8260801c176106205250505050505050506113005184168084018217915061134051851680850183179250611380518616808601841793506113c05187168087018517945083861683871660401b1782871682881660401b178560401c881685891916178460401c8916848a1916178260801b848e1617610700528060801b828e16176106c0528260801c60801b8460801c17610680528060801c60801b8260801c176106405250505050505050506113205160201c8416808401821791506113605160201c8516808501831792506113a05160201c8616808601841793506113e05160201c87168087018517945083861683871660401b1782871682881660401b178560401c881685891916178460401c8916848a1916178260801b848e16176107e0528060801b828e16176107a0528260801c60801b8460801c17610760528060801c60801b8260801c1761072052505050505050505061132051841680840182179150611360518516808501831792506113a0518616808601841793506113e05187168087018517945083861683871660401b1782871682881660401b178560401c881685891916178460401c8916848a1916178260801b848e1617610800528060801b828e16176107c0528260801c60801b8460801c17610780528060801c60801b8260801c176107405250505050505050509350505050", mload(128)))
            }

            // x minus a pole; the pole is stored negated.
            function factor(pole, x) -> v {
                let t := mload(pole)
                v := reduce(or(and(t, 0xffffffffffffffffffffffffffffffffffffffffffffffff0000000000000000), mod(add(and(t, 0xffffffffffffffff), x), 2013265921)))
            }

            // The DEEP equation, multiplied out with all denominators. With d_b = x - z * back^b and
            // A = d3 d4 d68, B = d7 d15 d16, H = d2 A B, e = x - z^4, the combos have the denominators
            // d0; d0 d1; d0 d1 d2 A; d0 d1 d2 B; d0 d2 B; and e for the check columns. Every factor is a product or
            // reduced, and a numerator is below p, so no sum needs more than one reduce before it is multiplied.
            function deep(x, value) {
                let a := multiply(multiply(factor(416, x), factor(448, x)), factor(576, x))
                let b := multiply(multiply(factor(480, x), factor(512, x)), factor(544, x))
                let d1 := factor(352, x)
                let h := multiply(multiply(factor(384, x), a), b)
                let s := multiply(h, reduce(add(mload(1216), multiply(mload(1184), d1))))
                s := add(s, multiply(mload(1248), b))
                s := add(s, multiply(a, reduce(add(mload(1280), multiply(mload(1312), d1)))))
                let e := factor(608, x)
                let right := multiply(reduce(s), e)
                let left := reduce(sub(add(multiply(value, e), 0xf000000200000000f000000200000000f000000200000000f0000002), mload(1344)))
                left := multiply(multiply(multiply(left, h), d1), factor(320, x))
                if iszero(equal(left, right)) { fail(14) }
            }

            // 16 times the interpolation of the loaded leaf at challenge * shift.
            function fold_leaf(challenge, shift) -> v {
                v := verbatim_1i_1o(hex"7b07ffffff0000000007ffffff0000000007ffffff0000000007ffffff7f03c000000800000003c000000800000003c000000800000003c00000080000007f03c000000800000f000000200000000f000000200000000f0000002000000000790fff0000000000000fff0000000000000fff0000000000000fff93610620516107205180827bf000000200000000f000000200000000f000000200000000f0000002010380622222220260341c88166378000001029003835f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c010161062052610640516107405180827bf000000200000000f000000200000000f000000200000000f0000002010380622222220260341c881663780000010290038363580d51a90280881663780000010290870103601b1c80881663780000010290870103601b1c5f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c010161064052610660516107605180827bf000000200000000f000000200000000f000000200000000f0000002010380622222220260341c8816637800000102900383634b9f30730280881663780000010290870103601b1c80881663780000010290870103601b1c5f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c010161066052610680516107805180827bf000000200000000f000000200000000f000000200000000f0000002010380622222220260341c881663780000010290038363355aafec0280881663780000010290870103601b1c80881663780000010290870103601b1c5f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c0101610680526106a0516107a05180827bf000000200000000f000000200000000f000000200000000f0000002010380622222220260341c8816637800000102900383633430f2c20280881663780000010290870103601b1c80881663780000010290870103601b1c5f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c01016106a0526106c0516107c05180827bf000000200000000f000000200000000f000000200000000f0000002010380622222220260341c8816637800000102900383633ec55ccf0280881663780000010290870103601b1c80881663780000010290870103601b1c5f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c01016106c0526106e0516107e05180827bf000000200000000f000000200000000f000000200000000f0000002010380622222220260341c88166378000001029003836363418ef40280881663780000010290870103601b1c80881663780000010290870103601b1c5f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c01016106e052610700516108005180827bf000000200000000f000000200000000f000000200000000f0000002010380622222220260341c8816637800000102900383632db7667c0280881663780000010290870103601b1c80881663780000010290870103601b1c5f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c010161070052805f198282099102809103808516600b028286160363780000010290600b020190820103601b1c80841663780000010290830103601b1c610620516106a05180827c01e000000400000001e000000400000001e000000400000001e0000004010380622222220260341c88166378000001029003835f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c010161062052610640516106c05180827c01e000000400000001e000000400000001e000000400000001e0000004010380622222220260341c8816637800000102900383634b9f30730280881663780000010290870103601b1c80881663780000010290870103601b1c5f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c010161064052610660516106e05180827c01e000000400000001e000000400000001e000000400000001e0000004010380622222220260341c8816637800000102900383633430f2c20280881663780000010290870103601b1c80881663780000010290870103601b1c5f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c010161066052610680516107005180827c01e000000400000001e000000400000001e000000400000001e0000004010380622222220260341c88166378000001029003836363418ef40280881663780000010290870103601b1c80881663780000010290870103601b1c5f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c010161068052805f198282099102809103808516600b028286160363780000010290600b020190820103601b1c80841663780000010290830103601b1c610620516106605180827c03c000000800000003c000000800000003c000000800000003c0000008010380622222220260341c88166378000001029003835f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c010161062052610640516106805180827c03c000000800000003c000000800000003c000000800000003c0000008010380622222220260341c8816637800000102900383633430f2c20280881663780000010290870103601b1c80881663780000010290870103601b1c5f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c010161064052805f198282099102809103808516600b028286160363780000010290600b020190820103601b1c80841663780000010290830103601b1c610620516106405180827c0780000010000000078000001000000007800000100000000780000010010380622222220260341c88166378000001029003835f198282099102809103808816600b028289160363780000010290600b020190850103601b1c80871663780000010290860103601b1c0101945050505050", fold_twice(mul(challenge, mulmod(shift, 1064793976, 2013265921))))
            }

            // The final polynomial at a base field point: dot products with its powers, Horner by x^8.
            function final_value(x) -> v {
                let x2 := mulmod(x, x, 2013265921)
                let x4 := mulmod(x2, x2, 2013265921)
                let x8 := mulmod(x4, x4, 2013265921)
                let even := or(or(1, shl(64, x2)), or(shl(128, x4), shl(192, mulmod(x2, x4, 2013265921))))
                let odd := or(or(x, shl(64, mulmod(x, x2, 2013265921))),
                              or(shl(128, mulmod(x, x4, 2013265921)), shl(192, mulmod(x, mulmod(x2, x4, 2013265921), 2013265921))))
                let a
                a := add(shr(192, mul(even, mload(19904))), shr(192, mul(odd, mload(19936))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(19840))), shr(192, mul(odd, mload(19872)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(19776))), shr(192, mul(odd, mload(19808)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(19712))), shr(192, mul(odd, mload(19744)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(19648))), shr(192, mul(odd, mload(19680)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(19584))), shr(192, mul(odd, mload(19616)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(19520))), shr(192, mul(odd, mload(19552)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(19456))), shr(192, mul(odd, mload(19488)))))
            v := or(v, shl(0, mod(a, 2013265921)))
            a := add(shr(192, mul(even, mload(20416))), shr(192, mul(odd, mload(20448))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20352))), shr(192, mul(odd, mload(20384)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20288))), shr(192, mul(odd, mload(20320)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20224))), shr(192, mul(odd, mload(20256)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20160))), shr(192, mul(odd, mload(20192)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20096))), shr(192, mul(odd, mload(20128)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20032))), shr(192, mul(odd, mload(20064)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(19968))), shr(192, mul(odd, mload(20000)))))
            v := or(v, shl(64, mod(a, 2013265921)))
            a := add(shr(192, mul(even, mload(20928))), shr(192, mul(odd, mload(20960))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20864))), shr(192, mul(odd, mload(20896)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20800))), shr(192, mul(odd, mload(20832)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20736))), shr(192, mul(odd, mload(20768)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20672))), shr(192, mul(odd, mload(20704)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20608))), shr(192, mul(odd, mload(20640)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20544))), shr(192, mul(odd, mload(20576)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20480))), shr(192, mul(odd, mload(20512)))))
            v := or(v, shl(128, mod(a, 2013265921)))
            a := add(shr(192, mul(even, mload(21440))), shr(192, mul(odd, mload(21472))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(21376))), shr(192, mul(odd, mload(21408)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(21312))), shr(192, mul(odd, mload(21344)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(21248))), shr(192, mul(odd, mload(21280)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(21184))), shr(192, mul(odd, mload(21216)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(21120))), shr(192, mul(odd, mload(21152)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(21056))), shr(192, mul(odd, mload(21088)))))
            a := add(mulmod(a, x8, 2013265921), add(shr(192, mul(even, mload(20992))), shr(192, mul(odd, mload(21024)))))
            v := or(v, shl(192, mod(a, 2013265921)))
            }

        }
    }
// Everything of a proof before its queries. Calldata: claim (32 bytes), then the seal up to the first query.
// Runs the transcript, evaluates the trace at z, has the constraint contracts check it, and returns the memory
// which the queries work with: challenges, control id, DEEP weights, final polynomial, powers of the generator.
object "HeaderVerifier" {
    code {
        // Constructor arguments: the constraint contracts' addresses, a word each, behind this code.
        let size := datasize("runtime")
        datacopy(0, dataoffset("runtime"), size)
        codecopy(size, sub(codesize(), 256), 256)
        setimmutable(0, "part0", mload(add(size, 0)))
            setimmutable(0, "part1", mload(add(size, 32)))
            setimmutable(0, "part2", mload(add(size, 64)))
            setimmutable(0, "part3", mload(add(size, 96)))
            setimmutable(0, "part4", mload(add(size, 128)))
            setimmutable(0, "part5", mload(add(size, 160)))
            setimmutable(0, "part6", mload(add(size, 192)))
            setimmutable(0, "part7", mload(add(size, 224)))
        return(0, size)
    }
    object "runtime" {
        code {
            mstore(1536, memoryguard(80128))
            // phase: start
            if iszero(eq(calldatasize(), 18904)) { fail(1) }

            // The names of proof system and circuit are fixed, so the transcript begins at a constant.
            mstore(64, 0x76ef6bb35b79db0d71d6d927340900706122ae2a90d9ca05c8768d441688a68a)

            // Globals: inner control root, claim, row count.
            calldatacopy(4128, 32, 132)
            commit(keccak256(4128, 132))
            if iszero(and(eq(calldataload(32), 0x2654afb300000000732733aa000000003dc8decb000000002bdfcbd900000000),
                          eq(calldataload(add(32, 32)), 0x390f22720000000050f59b17000000001dd8f3610000000010453a7700000000))) { fail(2) }
            if iszero(eq(shr(224, calldataload(160)), 18)) { fail(3) }
            {
                let claim := 0
                for { let i := 0 } lt(i, 32) { i := add(i, 1) } {
                    let word := shr(224, calldataload(add(32, shl(2, i))))
                    if iszero(lt(word, 2013265921)) { fail(4) }
                    mstore(add(70080, shl(5, i)), mulmod(word, 4194304, 2013265921))
                    if gt(i, 15) {
                        // The claim: sixteen little-endian half-words.
                        let half := mulmod(word, 943718400, 2013265921)
                        if gt(half, 0xffff) { fail(5) }
                        claim := or(shl(16, claim), or(shl(8, and(half, 0xff)), shr(8, half)))
                    }
                }
                if iszero(eq(claim, calldataload(0))) { fail(6) }
            }

            // Trace commitments. The root of the code columns names the program: the caller decides on it.
            {
                let root := top_root(164)
                mstore(640, root)
                commit(root)
            }
            commit(top_root(1188))
            for { let slot := 71104 } lt(slot, 71744) { slot := add(slot, 32) } {
                mstore(slot, mulmod(element(), 1064793976, 2013265921))
            }
            commit(top_root(2212))
            mstore(160, extension())
            commit(top_root(3236))
            let z := extension()
            mstore(192, z)

            // Coefficients: the image's memory is free until the evaluations are written, so hash them there.
            calldatacopy(48992, 4260, 10544)
            commit(keccak256(48992, 10544))
            {
                let over := 0
                let source := 4260
                for { let d := 21504 } lt(d, 42560) { d := add(d, 64) } {
                    let word := calldataload(source)
                    source := add(source, 32)
                    let a := unpack(shr(128, word))
                    let b := unpack(word)
                    over := or(over, or(add(a, 0x87ffffff0000000087ffffff0000000087ffffff0000000087ffffff), add(b, 0x87ffffff0000000087ffffff0000000087ffffff0000000087ffffff)))
                    mstore(d, a)
                    mstore(add(d, 32), b)
                }
                let last := unpack(shr(128, calldataload(source)))
                mstore(42560, last)
                mstore(128, or(over, add(last, 0x87ffffff0000000087ffffff0000000087ffffff0000000087ffffff)))
            }
            // phase: transcript, globals, tops, coefficients

            mstore(48992, 0x78000001000000007800000100000000780000010000000078000001)
            mstore(49024, 0xf000000200000000f000000200000000f000000200000000f0000002)
            mstore(49056, 0x168000003000000016800000300000001680000030000000168000003)
            mstore(49088, 0x1e000000400000001e000000400000001e000000400000001e0000004)
            mstore(49120, 0x2d000000600000002d000000600000002d000000600000002d0000006)
            mstore(49152, 0x3c000000800000003c000000800000003c000000800000003c0000008)
            mstore(49184, 0x5a000000c00000005a000000c00000005a000000c00000005a000000c)
            mstore(49216, 0x780000010000000078000001000000007800000100000000780000010)
            mstore(49248, 0xb400000180000000b400000180000000b400000180000000b40000018)
            mstore(49280, 0xf000000200000000f000000200000000f000000200000000f00000020)
            mstore(49312, 0x1e000000400000001e000000400000001e000000400000001e00000040)
            mstore(49344, 0x3c000000800000003c000000800000003c000000800000003c00000080)
            mstore(49376, 0x7800000100000000780000010000000078000001000000007800000100)
            mstore(49408, 0xf000000200000000f000000200000000f000000200000000f000000200)
            mstore(49440, 0x1e000000400000001e000000400000001e000000400000001e000000400)
            mstore(49472, 0x3c000000800000003c000000800000003c000000800000003c000000800)
            // z^j times 2^22: multiplied with a coefficient as it stands in the seal (2^32) this gives form M.
            {
                let power := z
                for { let slot := 1376 } lt(slot, 1536) { slot := add(slot, 32) } {
                    mstore(slot, fold_twice(mul(power, 1574839984)))
                    power := multiply(power, z)
                }
            }
            for { let s := 21504 } lt(s, 21760) { s := add(s, 64) } { evaluate_1(s, add(s, 28000)) }
            for { let s := 21760 } lt(s, 22752) { s := add(s, 32) } { evaluate_0(s, add(s, 28000)) }
            for { let s := 22752 } lt(s, 23072) { s := add(s, 64) } { evaluate_1(s, add(s, 28000)) }
            for { let s := 23072 } lt(s, 23744) { s := add(s, 32) } { evaluate_0(s, add(s, 28000)) }
            for { let s := 23744 } lt(s, 29888) { s := add(s, 192) } { evaluate_2(s, add(s, 28000)) }
            for { let s := 29888 } lt(s, 29952) { s := add(s, 32) } { evaluate_0(s, add(s, 28000)) }
            for { let s := 29952 } lt(s, 36096) { s := add(s, 192) } { evaluate_2(s, add(s, 28000)) }
            for { let s := 36096 } lt(s, 36224) { s := add(s, 64) } { evaluate_1(s, add(s, 28000)) }
            for { let s := 36224 } lt(s, 40064) { s := add(s, 192) } { evaluate_3(s, add(s, 28000)) }
            for { let s := 40064 } lt(s, 41824) { s := add(s, 160) } { evaluate_4(s, add(s, 28000)) }
            for { let s := 41824 } lt(s, 42016) { s := add(s, 192) } { evaluate_3(s, add(s, 28000)) }
            for { let s := 42016 } lt(s, 42080) { s := add(s, 32) } { evaluate_0(s, add(s, 28000)) }
            // phase: evaluate the trace at z

            {
                let mix := mload(160)
                let power := mix
                mstore(71744, 1064793976)
                mstore(add(71744, 32), mix)
                power := multiply(power, mix)
            mstore(71808, power)
            power := multiply(power, mix)
            mstore(71840, power)
            power := multiply(power, mix)
            mstore(71872, power)
            power := multiply(power, mix)
            mstore(71904, power)
            power := multiply(power, mix)
            mstore(71936, power)
            power := multiply(power, mix)
            mstore(71968, power)
            power := multiply(power, mix)
            mstore(72000, power)
            power := multiply(power, mix)
            mstore(72032, power)
            power := multiply(power, mix)
            mstore(72064, power)
            power := multiply(power, mix)
            mstore(72096, power)
            power := multiply(power, mix)
            mstore(72128, power)
            power := multiply(power, mix)
            mstore(72160, power)
            power := multiply(power, mix)
            mstore(72192, power)
            power := multiply(power, mix)
            mstore(72224, power)
            power := multiply(power, mix)
            mstore(72256, power)
            power := multiply(power, mix)
            mstore(72288, power)
            power := multiply(power, mix)
            mstore(72320, power)
            power := multiply(power, mix)
            mstore(72352, power)
            power := multiply(power, mix)
            mstore(72384, power)
            power := multiply(power, mix)
            mstore(72416, power)
            power := multiply(power, mix)
            mstore(72448, power)
            power := multiply(power, mix)
            mstore(72480, power)
            power := multiply(power, mix)
            mstore(72512, power)
            power := multiply(power, mix)
            mstore(72544, power)
            power := multiply(power, mix)
            mstore(72576, power)
            power := multiply(power, mix)
            mstore(72608, power)
            power := multiply(power, mix)
            mstore(72640, power)
            power := multiply(power, mix)
            mstore(72672, power)
            power := multiply(power, mix)
            mstore(72704, power)
            power := multiply(power, mix)
            mstore(72736, power)
            power := multiply(power, mix)
            mstore(72768, power)
            power := multiply(power, mix)
            mstore(72800, power)
            power := multiply(power, mix)
            mstore(72832, power)
            power := multiply(power, mix)
            mstore(72864, power)
            power := multiply(power, mix)
            mstore(72896, power)
            power := multiply(power, mix)
            mstore(72928, power)
            power := multiply(power, mix)
            mstore(72960, power)
            power := multiply(power, mix)
            mstore(72992, power)
            power := multiply(power, mix)
            mstore(73024, power)
            power := multiply(power, mix)
            mstore(73056, power)
            power := multiply(power, mix)
            mstore(73088, power)
            power := multiply(power, mix)
            mstore(73120, power)
            power := multiply(power, mix)
            mstore(73152, power)
            power := multiply(power, mix)
            mstore(73184, power)
            power := multiply(power, mix)
            mstore(73216, power)
            power := multiply(power, mix)
            mstore(73248, power)
            power := multiply(power, mix)
            mstore(73280, power)
            power := multiply(power, mix)
            mstore(73312, power)
            power := multiply(power, mix)
            mstore(73344, power)
            power := multiply(power, mix)
            mstore(73376, power)
            power := multiply(power, mix)
            mstore(73408, power)
            power := multiply(power, mix)
            mstore(73440, power)
            power := multiply(power, mix)
            mstore(73472, power)
            power := multiply(power, mix)
            mstore(73504, power)
            power := multiply(power, mix)
            mstore(73536, power)
            power := multiply(power, mix)
            mstore(73568, power)
            power := multiply(power, mix)
            mstore(73600, power)
            power := multiply(power, mix)
            mstore(73632, power)
            power := multiply(power, mix)
            mstore(73664, power)
            power := multiply(power, mix)
            mstore(73696, power)
            power := multiply(power, mix)
            mstore(73728, power)
            power := multiply(power, mix)
            mstore(73760, power)
            power := multiply(power, mix)
            mstore(73792, power)
            power := multiply(power, mix)
            mstore(73824, power)
            power := multiply(power, mix)
            mstore(73856, power)
            power := multiply(power, mix)
            mstore(73888, power)
            power := multiply(power, mix)
            mstore(73920, power)
            power := multiply(power, mix)
            mstore(73952, power)
            power := multiply(power, mix)
            mstore(73984, power)
            power := multiply(power, mix)
            mstore(74016, power)
            power := multiply(power, mix)
            mstore(74048, power)
            power := multiply(power, mix)
            mstore(74080, power)
            power := multiply(power, mix)
            mstore(74112, power)
            power := multiply(power, mix)
            mstore(74144, power)
            power := multiply(power, mix)
            mstore(74176, power)
            power := multiply(power, mix)
            mstore(74208, power)
            power := multiply(power, mix)
            mstore(74240, power)
            power := multiply(power, mix)
            mstore(74272, power)
            power := multiply(power, mix)
            mstore(74304, power)
            power := multiply(power, mix)
            mstore(74336, power)
            power := multiply(power, mix)
            mstore(74368, power)
            power := multiply(power, mix)
            mstore(74400, power)
            power := multiply(power, mix)
            mstore(74432, power)
            power := multiply(power, mix)
            mstore(74464, power)
            power := multiply(power, mix)
            mstore(74496, power)
            power := multiply(power, mix)
            mstore(74528, power)
            power := multiply(power, mix)
            mstore(74560, power)
            power := multiply(power, mix)
            mstore(74592, power)
            power := multiply(power, mix)
            mstore(74624, power)
            power := multiply(power, mix)
            mstore(74656, power)
            power := multiply(power, mix)
            mstore(74688, power)
            power := multiply(power, mix)
            mstore(74720, power)
            power := multiply(power, mix)
            mstore(74752, power)
            power := multiply(power, mix)
            mstore(74784, power)
            power := multiply(power, mix)
            mstore(74816, power)
            power := multiply(power, mix)
            mstore(74848, power)
            power := multiply(power, mix)
            mstore(74880, power)
            power := multiply(power, mix)
            mstore(74912, power)
            power := multiply(power, mix)
            mstore(74944, power)
            power := multiply(power, mix)
            mstore(74976, power)
            power := multiply(mload(71808), mload(74976))
            mstore(75008, power)
            power := multiply(mload(71968), mload(75008))
            mstore(75040, power)
            power := multiply(mload(72096), mload(75040))
            mstore(75072, power)
            power := multiply(power, mix)
            mstore(75104, power)
            power := multiply(mload(72064), mload(75104))
            mstore(75136, power)
            power := multiply(mload(71904), mload(75136))
            mstore(75168, power)
            power := multiply(mload(71968), mload(75168))
            mstore(75200, power)
            power := multiply(mload(71968), mload(75200))
            mstore(75232, power)
            power := multiply(mload(71968), mload(75232))
            mstore(75264, power)
            power := multiply(mload(72064), mload(75264))
            mstore(75296, power)
            power := multiply(mload(72032), mload(75296))
            mstore(75328, power)
            power := multiply(mload(72096), mload(75328))
            mstore(75360, power)
            power := multiply(mload(72224), mload(75360))
            mstore(75392, power)
            power := multiply(mload(72160), mload(75392))
            mstore(75424, power)
            power := multiply(mload(72000), mload(75424))
            mstore(75456, power)
            power := multiply(mload(71872), mload(75456))
            mstore(75488, power)
            power := multiply(mload(71840), mload(75488))
            mstore(75520, power)
            power := multiply(mload(72096), mload(75520))
            mstore(75552, power)
            power := multiply(power, mix)
            mstore(75584, power)
            power := multiply(mload(72224), mload(75584))
            mstore(75616, power)
            power := multiply(mload(71968), mload(75616))
            mstore(75648, power)
            power := multiply(mload(71968), mload(75648))
            mstore(75680, power)
            power := multiply(mload(71968), mload(75680))
            mstore(75712, power)
            power := multiply(mload(72064), mload(75712))
            mstore(75744, power)
            power := multiply(mload(72032), mload(75744))
            mstore(75776, power)
            power := multiply(mload(72096), mload(75776))
            mstore(75808, power)
            power := multiply(mload(72224), mload(75808))
            mstore(75840, power)
            power := multiply(mload(72160), mload(75840))
            mstore(75872, power)
            power := multiply(mload(72000), mload(75872))
            mstore(75904, power)
            power := multiply(mload(71968), mload(75904))
            mstore(75936, power)
            power := multiply(mload(72096), mload(75936))
            mstore(75968, power)
            power := multiply(mload(73568), mload(75968))
            mstore(76000, power)
            power := multiply(mload(74336), mload(76000))
            mstore(76032, power)
            power := multiply(mload(72224), mload(76032))
            mstore(76064, power)
            power := multiply(mload(72288), mload(76064))
            mstore(76096, power)
            power := multiply(mload(74816), mload(76096))
            mstore(76128, power)
            power := multiply(mload(73888), mload(76128))
            mstore(76160, power)
            power := multiply(mload(73792), mload(76160))
            mstore(76192, power)
            power := multiply(multiply(mload(73408), mload(73344)), mload(76192))
            mstore(76224, power)
            power := multiply(mload(73184), mload(76224))
            mstore(76256, power)
            power := multiply(mload(74944), mload(76256))
            mstore(76288, power)
            power := multiply(mload(73184), mload(76288))
            mstore(76320, power)
            power := multiply(mload(71904), mload(76320))
            mstore(76352, power)
            power := multiply(mload(71904), mload(76352))
            mstore(76384, power)
            power := multiply(mload(73184), mload(76384))
            mstore(76416, power)
            power := multiply(mload(72064), mload(76416))
            mstore(76448, power)
            power := multiply(mload(72128), mload(76448))
            mstore(76480, power)
            power := multiply(mload(73280), mload(76480))
            mstore(76512, power)
            power := multiply(mload(72128), mload(76512))
            mstore(76544, power)
            power := multiply(mload(71872), mload(76544))
            mstore(76576, power)
            power := multiply(mload(71872), mload(76576))
            mstore(76608, power)
            power := multiply(mload(72128), mload(76608))
            mstore(76640, power)
            power := multiply(mload(71872), mload(76640))
            mstore(76672, power)
            power := multiply(mload(71872), mload(76672))
            mstore(76704, power)
            power := multiply(mload(71872), mload(76704))
            mstore(76736, power)
            power := multiply(mload(72896), mload(76736))
            mstore(76768, power)
            }
            if iszero(staticcall(gas(), loadimmutable("part0"), 48992, 31136, 76800, 3328)) { fail(7) }
            if iszero(staticcall(gas(), loadimmutable("part1"), 48992, 31136, 76800, 3328)) { fail(7) }
            if iszero(staticcall(gas(), loadimmutable("part2"), 48992, 31136, 76800, 3328)) { fail(7) }
            if iszero(staticcall(gas(), loadimmutable("part3"), 48992, 31136, 76800, 3328)) { fail(7) }
            if iszero(staticcall(gas(), loadimmutable("part4"), 48992, 31136, 76800, 3328)) { fail(7) }
            if iszero(staticcall(gas(), loadimmutable("part5"), 48992, 31136, 76800, 3328)) { fail(7) }
            if iszero(staticcall(gas(), loadimmutable("part6"), 48992, 31136, 76800, 3328)) { fail(7) }
            if iszero(staticcall(gas(), loadimmutable("part7"), 48992, 31136, 76800, 3328)) { fail(7) }
            // phase: constraint contracts

            // Quotient polynomial: sum of z^i * block_i, times (3z)^N - 1, equals the constraint's value.
            {
                let quotient := 0
                let power := 1064793976
                quotient := add(quotient, multiply(reduce(add(add(add(multiply(mload(42080), 0x5dde26b0), multiply(mload(42208), 0x5dde26b00000000000000000)), multiply(mload(42336), 0x5dde26b000000000000000000000000000000000)), multiply(mload(42464), 0x5dde26b0000000000000000000000000000000000000000000000000))), power))
            power := multiply(power, z)
            quotient := add(quotient, multiply(reduce(add(add(add(multiply(mload(42144), 0x5dde26b0), multiply(mload(42272), 0x5dde26b00000000000000000)), multiply(mload(42400), 0x5dde26b000000000000000000000000000000000)), multiply(mload(42528), 0x5dde26b0000000000000000000000000000000000000000000000000))), power))
            power := multiply(power, z)
            quotient := add(quotient, multiply(reduce(add(add(add(multiply(mload(42112), 0x5dde26b0), multiply(mload(42240), 0x5dde26b00000000000000000)), multiply(mload(42368), 0x5dde26b000000000000000000000000000000000)), multiply(mload(42496), 0x5dde26b0000000000000000000000000000000000000000000000000))), power))
            power := multiply(power, z)
            quotient := add(quotient, multiply(reduce(add(add(add(multiply(mload(42176), 0x5dde26b0), multiply(mload(42304), 0x5dde26b00000000000000000)), multiply(mload(42432), 0x5dde26b000000000000000000000000000000000)), multiply(mload(42560), 0x5dde26b0000000000000000000000000000000000000000000000000))), power))
                let vanishing := reduce(mul(3, z))
                for { let i := 0 } lt(i, 18) { i := add(i, 1) } { vanishing := multiply(vanishing, vanishing) }
                vanishing := reduce(add(vanishing, 948471945))
                if iszero(equal(multiply(reduce(quotient), vanishing), mload(76800))) {
                    fail(8)
                }
            }

            // DEEP weights: powers of a challenge, one for each column, in canonical form; and the coefficients
            // mixed with them, one list for each combo.
            {
                let mix := extension()
                let weight := 1064793976
                for { let i := 48320 } lt(i, 48992) { i := add(i, 32) } { mstore(i, 0) }
                let slot := 42592
                for { let s := 21504 } lt(s, 21760) { s := add(s, 64) } { mix_in(s, 48352, 64, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            for { let s := 21760 } lt(s, 22752) { s := add(s, 32) } { mix_in(s, 48320, 32, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            for { let s := 22752 } lt(s, 23072) { s := add(s, 64) } { mix_in(s, 48352, 64, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            for { let s := 23072 } lt(s, 23744) { s := add(s, 32) } { mix_in(s, 48320, 32, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            for { let s := 23744 } lt(s, 29888) { s := add(s, 192) } { mix_in(s, 48416, 192, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            for { let s := 29888 } lt(s, 29952) { s := add(s, 32) } { mix_in(s, 48320, 32, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            for { let s := 29952 } lt(s, 36096) { s := add(s, 192) } { mix_in(s, 48416, 192, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            for { let s := 36096 } lt(s, 36224) { s := add(s, 64) } { mix_in(s, 48352, 64, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            for { let s := 36224 } lt(s, 40064) { s := add(s, 192) } { mix_in(s, 48608, 192, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            for { let s := 40064 } lt(s, 41824) { s := add(s, 160) } { mix_in(s, 48800, 160, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            for { let s := 41824 } lt(s, 42016) { s := add(s, 192) } { mix_in(s, 48608, 192, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            for { let s := 42016 } lt(s, 42080) { s := add(s, 32) } { mix_in(s, 48320, 32, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            for { let s := 42080 } lt(s, 42592) { s := add(s, 32) } { mix_in(s, 48960, 32, weight) mstore(slot, fold_twice(weight)) slot := add(slot, 32) weight := multiply(weight, mix) }
            }
            for { let i := 48320 } lt(i, 48992) { i := add(i, 32) } {
                mstore(i, reduce(sub(0xf000000200000000f000000200000000f000000200000000f0000002, reduce(mload(i)))))
            }
            transpose(0, 0, mload(42720), mload(42784), 10240)
            transpose(0, 0, mload(42752), mload(42816), 10368)
            transpose(mload(42848), mload(42912), 0, 0, 10496)
            transpose(mload(42880), mload(42944), 0, 0, 10624)
            transpose(mload(42976), mload(43040), mload(43104), mload(43168), 10752)
            transpose(mload(43008), mload(43072), mload(43136), mload(43200), 10880)
            transpose(mload(43232), mload(43296), mload(43360), mload(43424), 11008)
            transpose(mload(43264), mload(43328), mload(43392), mload(43456), 11136)
            transpose(mload(43488), mload(43552), mload(43616), mload(43680), 11264)
            transpose(mload(43520), mload(43584), mload(43648), 0, 11392)
            transpose(0, 0, 0, mload(43904), 11520)
            transpose(0, 0, mload(43872), mload(43936), 11648)
            transpose(mload(43968), mload(44032), mload(44096), mload(44160), 11776)
            transpose(mload(44000), mload(44064), mload(44128), mload(44192), 11904)
            transpose(mload(44224), mload(44288), mload(44352), mload(44416), 12032)
            transpose(mload(44256), mload(44320), mload(44384), mload(44448), 12160)
            transpose(mload(44480), 0, 0, 0, 12288)
            transpose(mload(44512), 0, 0, 0, 12416)
            transpose(0, mload(45568), 0, 0, 12544)
            transpose(0, mload(45600), 0, 0, 12672)
            transpose(0, 0, 0, mload(47744), 12800)
            transpose(0, 0, 0, mload(47776), 12928)
            transpose(0, 0, 0, mload(48320), 13056)
            transpose(mload(42592), mload(42656), 0, 0, 13184)
            transpose(mload(42624), mload(42688), 0, 0, 13312)
            transpose(mload(43712), mload(43776), mload(43840), 0, 13440)
            transpose(mload(43744), mload(43808), 0, 0, 13568)
            transpose(0, 0, mload(46656), 0, 13696)
            transpose(0, 0, mload(46688), 0, 13824)
            transpose(0, 0, mload(48384), mload(48352), 13952)
            transpose(0, mload(44544), mload(44608), mload(44672), 14080)
            transpose(0, mload(44576), mload(44640), mload(44704), 14208)
            transpose(mload(44736), mload(44800), mload(44864), mload(44928), 14336)
            transpose(mload(44768), mload(44832), mload(44896), mload(44960), 14464)
            transpose(mload(44992), mload(45056), mload(45120), mload(45184), 14592)
            transpose(mload(45024), mload(45088), mload(45152), mload(45216), 14720)
            transpose(mload(45248), mload(45312), mload(45376), mload(45440), 14848)
            transpose(mload(45280), mload(45344), mload(45408), mload(45472), 14976)
            transpose(mload(45504), 0, mload(45632), mload(45696), 15104)
            transpose(mload(45536), 0, mload(45664), mload(45728), 15232)
            transpose(mload(45760), mload(45824), mload(45888), mload(45952), 15360)
            transpose(mload(45792), mload(45856), mload(45920), mload(45984), 15488)
            transpose(mload(46016), mload(46080), mload(46144), mload(46208), 15616)
            transpose(mload(46048), mload(46112), mload(46176), mload(46240), 15744)
            transpose(mload(46272), mload(46336), mload(46400), mload(46464), 15872)
            transpose(mload(46304), mload(46368), mload(46432), mload(46496), 16000)
            transpose(mload(46528), mload(46592), 0, 0, 16128)
            transpose(mload(46560), mload(46624), 0, 0, 16256)
            transpose(mload(48512), mload(48480), mload(48448), mload(48416), 16384)
            transpose(0, 0, mload(48576), mload(48544), 16512)
            transpose(0, 0, 0, mload(46720), 16640)
            transpose(0, 0, 0, mload(46752), 16768)
            transpose(mload(46784), mload(46848), mload(46912), mload(46976), 16896)
            transpose(mload(46816), mload(46880), mload(46944), mload(47008), 17024)
            transpose(mload(47040), mload(47104), mload(47168), mload(47232), 17152)
            transpose(mload(47072), mload(47136), mload(47200), mload(47264), 17280)
            transpose(mload(47296), 0, 0, 0, 17408)
            transpose(mload(47328), 0, 0, 0, 17536)
            transpose(0, 0, mload(47712), 0, 17664)
            transpose(mload(48704), mload(48672), mload(48640), mload(48608), 17792)
            transpose(0, 0, mload(48768), mload(48736), 17920)
            transpose(0, mload(47360), mload(47424), mload(47488), 18048)
            transpose(0, mload(47392), mload(47456), mload(47520), 18176)
            transpose(mload(47552), mload(47616), mload(47680), 0, 18304)
            transpose(mload(47584), mload(47648), 0, 0, 18432)
            transpose(mload(48896), mload(48864), mload(48832), mload(48800), 18560)
            transpose(0, 0, 0, mload(48928), 18688)
            transpose(mload(47808), mload(47872), mload(47936), mload(48000), 18816)
            transpose(mload(47840), mload(47904), mload(47968), mload(48032), 18944)
            transpose(mload(48064), mload(48128), mload(48192), mload(48256), 19072)
            transpose(mload(48096), mload(48160), mload(48224), mload(48288), 19200)
            transpose(0, 0, 0, mload(48960), 19328)
            // phase: quotient, DEEP weights

            mstore(320, sub(0xf000000200000000f000000200000000f000000200000000f0000002, fold_twice(mul(z, 1064793976))))
            mstore(352, sub(0xf000000200000000f000000200000000f000000200000000f0000002, fold_twice(mul(z, 1232636316))))
            mstore(384, sub(0xf000000200000000f000000200000000f000000200000000f0000002, fold_twice(mul(z, 1146418277))))
            mstore(416, sub(0xf000000200000000f000000200000000f000000200000000f0000002, fold_twice(mul(z, 1002602556))))
            mstore(448, sub(0xf000000200000000f000000200000000f000000200000000f0000002, fold_twice(mul(z, 1583235322))))
            mstore(480, sub(0xf000000200000000f000000200000000f000000200000000f0000002, fold_twice(mul(z, 1397857600))))
            mstore(512, sub(0xf000000200000000f000000200000000f000000200000000f0000002, fold_twice(mul(z, 907554780))))
            mstore(544, sub(0xf000000200000000f000000200000000f000000200000000f0000002, fold_twice(mul(z, 842192426))))
            mstore(576, sub(0xf000000200000000f000000200000000f000000200000000f0000002, fold_twice(mul(z, 1075644208))))
            {
                let z2 := multiply(z, z)
                mstore(608, sub(0xf000000200000000f000000200000000f000000200000000f0000002, multiply(z2, z2)))
            }
            // Domain points lie in the base field. If z and z^4 do not, no denominator of a query can be zero.
            if or(in_base_field(mload(320)), in_base_field(mload(608))) { fail(9) }

            commit(top_root(14804))
            mstore(224, extension())
            commit(top_root(15828))
            mstore(256, extension())
            commit(top_root(16852))
            mstore(288, extension())
            calldatacopy(4128, 17876, 1024)
            commit(keccak256(4128, 1024))
            {
                let over := mload(128)
                for { let i := 0 } lt(i, 32) { i := add(i, 1) } {
                    let word := calldataload(add(17876, shl(5, i)))
                    let a := and(shr(32, word), 0xffffffff00000000ffffffff00000000ffffffff00000000ffffffff)
                    let b := and(word, 0xffffffff00000000ffffffff00000000ffffffff00000000ffffffff)
                    over := or(over, or(add(a, 0x87ffffff0000000087ffffff0000000087ffffff0000000087ffffff), add(b, 0x87ffffff0000000087ffffff0000000087ffffff0000000087ffffff)))
                    mstore(add(19456, shl(6, i)), a)
                    mstore(add(add(19456, 32), shl(6, i)), b)
                }
                mstore(128, over)
            }
            // Work: with the nonce in it, the state from which the queries are drawn begins with zeros.
            commit(shr(224, calldataload(18900)))
            if shr(234, mload(64)) { fail(19) }
            { let v := 1 for { let i := 5120 } lt(i, 7168) { i := add(i, 32) } { mstore(i, v) v := mulmod(v, 825701067, 2013265921) } }
            { let v := 1 for { let i := 7168 } lt(i, 8192) { i := add(i, 32) } { mstore(i, v) v := mulmod(v, 2005211659, 2013265921) } }
            { let v := 1 for { let i := 8192 } lt(i, 9216) { i := add(i, 32) } { mstore(i, v) v := mulmod(v, 1538055801, 2013265921) } }
            { let v := 1 for { let i := 9216 } lt(i, 10240) { i := add(i, 32) } { mstore(i, v) v := mulmod(v, 740045640, 2013265921) } }
            // phase: FRI commitments, final polynomial, work, tables

            return(64, 21440)

            // --- functions
            function fail(code) {
                mstore(0, code)
                revert(0, 32)
            }

            function draw() -> v {
                let count := mload(96)
                mstore(0, mload(64))
                mstore(32, shl(224, count))
                mstore(96, add(count, 1))
                v := keccak256(0, 36)
            }

            // Packed arithmetic: lanes.py says what these compute and for which lane bounds.
            function multiply(a, b) -> t { t := verbatim_2i_1o(hex"5f198282099102809103807b07ffffff0000000007ffffff0000000007ffffff0000000007ffffff16600b02827b07ffffff0000000007ffffff0000000007ffffff0000000007ffffff160363780000010290600b0201907f03c000000800000f000000200000000f000000200000000f00000020000000000103601b1c807b07ffffff0000000007ffffff0000000007ffffff0000000007ffffff16637800000102907f03c000000800000003c000000800000003c000000800000003c00000080000000103601b1c", a, b) }
            function fold_twice(t) -> v { v := verbatim_1i_1o(hex"807b07ffffff0000000007ffffff0000000007ffffff0000000007ffffff16637800000102907f03c000000800000003c000000800000003c000000800000003c00000080000000103601b1c807b07ffffff0000000007ffffff0000000007ffffff0000000007ffffff16637800000102907f03c000000800000003c000000800000003c000000800000003c00000080000000103601b1c", t) }
            function reduce(t) -> v { v := verbatim_1i_1o(hex"80622222220260341c790fff0000000000000fff0000000000000fff0000000000000fff166378000001029003", t) }

            // Whether two elements are the same modulo p; b may have lanes up to 64 p.
            function equal(a, b) -> yes {
                let t := sub(add(a, 0x1e000000400000001e000000400000001e000000400000001e00000040), b)
                yes := iszero(or(or(mod(and(t, 0xffffffffffffffff), 2013265921), mod(and(shr(64, t), 0xffffffffffffffff), 2013265921)),
                              or(mod(and(shr(128, t), 0xffffffffffffffff), 2013265921), mod(shr(192, t), 2013265921))))
            }

            function element() -> v {
                v := mod(and(draw(), 0xffffffffffffffffffffffffffffffff), 2013265921)
            }

            function extension() -> v {
                v := mulmod(element(), 1064793976, 2013265921)
                v := or(v, shl(64, mulmod(element(), 1064793976, 2013265921)))
                v := or(v, shl(128, mulmod(element(), 1064793976, 2013265921)))
                v := or(v, shl(192, mulmod(element(), 1064793976, 2013265921)))
            }

            function commit(digest) {
                mstore(0, mload(64))
                mstore(32, digest)
                mstore(64, keccak256(0, 64))
                mstore(96, 0)
            }

            // Merkle root of the layer of 32 nodes at this calldata offset, halving it in place.
            function top_root(source) -> root {
                calldatacopy(1568, source, 1024)
                for { let n := 1024 } gt(n, 32) { n := shr(1, n) } {
                    let d := 1568
                    for { let s := 1568 } lt(s, add(1568, n)) { s := add(s, 64) } {
                        mstore(d, keccak256(s, 64))
                        d := add(d, 32)
                    }
                }
                root := mload(1568)
            }

            function in_base_field(t) -> yes {
                yes := iszero(or(mod(and(shr(64, t), 0xffffffffffffffff), 2013265921),
                              or(mod(and(shr(128, t), 0xffffffffffffffff), 2013265921), mod(shr(192, t), 2013265921))))
            }

            // Four 32-bit words, the first one highest, to lanes with the first one lowest.
            function unpack(v) -> e {
                e := or(or(and(shr(96, v), 0xffffffff), shl(64, and(shr(64, v), 0xffffffff))),
                        or(shl(128, and(shr(32, v), 0xffffffff)), shl(192, and(v, 0xffffffff))))
            }

            // Transpose four elements: word k at t gets lane k of a, b, c, d in its lanes 0 to 3.
            function transpose(a, b, c, d, t) {
                let p0 := or(and(a, 0xffffffffffffffff0000000000000000ffffffffffffffff), shl(64, and(b, 0xffffffffffffffff0000000000000000ffffffffffffffff)))
                let p1 := or(and(shr(64, a), 0xffffffffffffffff0000000000000000ffffffffffffffff), and(b, 0xffffffffffffffff0000000000000000ffffffffffffffff0000000000000000))
                let q0 := or(and(c, 0xffffffffffffffff0000000000000000ffffffffffffffff), shl(64, and(d, 0xffffffffffffffff0000000000000000ffffffffffffffff)))
                let q1 := or(and(shr(64, c), 0xffffffffffffffff0000000000000000ffffffffffffffff), and(d, 0xffffffffffffffff0000000000000000ffffffffffffffff0000000000000000))
                mstore(t, or(and(p0, 0xffffffffffffffffffffffffffffffff), shl(128, q0)))
                mstore(add(t, 32), or(and(p1, 0xffffffffffffffffffffffffffffffff), shl(128, q1)))
                mstore(add(t, 64), or(shr(128, p0), and(q0, 0xffffffffffffffffffffffffffffffff00000000000000000000000000000000)))
                mstore(add(t, 96), or(shr(128, p1), and(q1, 0xffffffffffffffffffffffffffffffff00000000000000000000000000000000)))
            }

            // Add weight times n bytes of coefficients at s to the openings at o. At most 163 products a lane:
            // far below what reduce takes.
            function mix_in(s, o, n, weight) {
                for { let end := add(s, n) } lt(s, end) { s := add(s, 32) } {
                    mstore(o, add(mload(o), multiply(weight, mload(s))))
                    o := add(o, 32)
                }
            }

            function evaluate_0(s, d) {
                mstore(d, fold_twice(mul(mload(s), 1574839984)))
            }
            function evaluate_1(s, d) {
                let t0 := fold_twice(mul(mload(s), 1574839984))
                let t1 := multiply(mload(add(s, 32)), mload(1376))
                mstore(d, reduce(add(t0, t1)))
                mstore(add(d, 32), reduce(add(t0, fold_twice(sub(add(0, 0x15cf96c37687a80715cf96c37687a80715cf96c37687a80715cf96c37687a807), mul(t1, 780629605))))))
            }
            function evaluate_2(s, d) {
                let t0 := fold_twice(mul(mload(s), 1574839984))
                let t1 := multiply(mload(add(s, 32)), mload(1376))
                let t2 := multiply(mload(add(s, 64)), mload(1408))
                let t3 := multiply(mload(add(s, 96)), mload(1440))
                let t4 := multiply(mload(add(s, 128)), mload(1472))
                let t5 := multiply(mload(add(s, 160)), mload(1504))
                mstore(d, reduce(add(add(add(add(add(t0, t1), t2), t3), t4), t5)))
                mstore(add(d, 32), reduce(add(t0, fold_twice(sub(add(add(mul(t3, 1002602556), mul(t5, 572948056)), 0x3a0bbc668bd4c51e3a0bbc668bd4c51e3a0bbc668bd4c51e3a0bbc668bd4c51e), add(add(mul(t1, 780629605), mul(t2, 866847644)), mul(t4, 430030599)))))))
                mstore(add(d, 64), reduce(add(t0, fold_twice(sub(add(add(mul(t3, 296350730), mul(t4, 29493979)), 0x367054ed7c22d74f367054ed7c22d74f367054ed7c22d74f367054ed7c22d74f), add(add(mul(t1, 866847644), mul(t2, 430030599)), mul(t5, 651530443)))))))
                mstore(add(d, 96), reduce(add(t0, fold_twice(sub(add(add(add(mul(t1, 1002602556), mul(t2, 296350730)), mul(t5, 907554780)), 0x1b5dbcb68a6192961b5dbcb68a6192961b5dbcb68a6192961b5dbcb68a619296), add(mul(t3, 123775235), mul(t4, 855681869)))))))
                mstore(add(d, 128), reduce(add(t0, fold_twice(sub(add(add(mul(t2, 29493979), mul(t4, 842192426)), 0x2b1f1c134bfe19c22b1f1c134bfe19c22b1f1c134bfe19c22b1f1c134bfe19c2), add(add(mul(t1, 430030599), mul(t3, 855681869)), mul(t5, 257641806)))))))
                mstore(add(d, 160), reduce(add(t0, fold_twice(sub(add(add(mul(t4, 60356637), mul(t5, 110007981)), 0x3afd0e00cdd795563afd0e00cdd795563afd0e00cdd795563afd0e00cdd79556), add(add(mul(t1, 937621713), mul(t2, 418733998)), mul(t3, 754890396)))))))
            }
            function evaluate_3(s, d) {
                let t0 := fold_twice(mul(mload(s), 1574839984))
                let t1 := multiply(mload(add(s, 32)), mload(1376))
                let t2 := multiply(mload(add(s, 64)), mload(1408))
                let t3 := multiply(mload(add(s, 96)), mload(1440))
                let t4 := multiply(mload(add(s, 128)), mload(1472))
                let t5 := multiply(mload(add(s, 160)), mload(1504))
                mstore(d, reduce(add(add(add(add(add(t0, t1), t2), t3), t4), t5)))
                mstore(add(d, 32), reduce(add(t0, fold_twice(sub(add(add(mul(t3, 1002602556), mul(t5, 572948056)), 0x3a0bbc668bd4c51e3a0bbc668bd4c51e3a0bbc668bd4c51e3a0bbc668bd4c51e), add(add(mul(t1, 780629605), mul(t2, 866847644)), mul(t4, 430030599)))))))
                mstore(add(d, 64), reduce(add(t0, fold_twice(sub(add(add(mul(t3, 296350730), mul(t4, 29493979)), 0x367054ed7c22d74f367054ed7c22d74f367054ed7c22d74f367054ed7c22d74f), add(add(mul(t1, 866847644), mul(t2, 430030599)), mul(t5, 651530443)))))))
                mstore(add(d, 96), reduce(add(t0, fold_twice(sub(add(add(mul(t2, 661280563), mul(t5, 332667304)), 0x23ed5940eca502ac23ed5940eca502ac23ed5940eca502ac23ed5940eca502ac), add(add(mul(t1, 615408321), mul(t3, 380666443)), mul(t4, 289786847)))))))
                mstore(add(d, 128), reduce(add(t0, fold_twice(sub(add(add(add(mul(t1, 907554780), mul(t2, 801165012)), mul(t3, 560473459)), 0xa5cb3840e1b18910a5cb3840e1b18910a5cb3840e1b18910a5cb3840e1b1891), add(mul(t4, 133246639), mul(t5, 237621837)))))))
                mstore(add(d, 160), reduce(add(t0, fold_twice(sub(add(add(add(add(mul(t1, 842192426), mul(t2, 649755933)), mul(t3, 424546874)), mul(t4, 455514055)), 0x16c4a45420926fa216c4a45420926fa216c4a45420926fa216c4a45420926fa2), mul(t5, 814889938))))))
            }
            function evaluate_4(s, d) {
                let t0 := fold_twice(mul(mload(s), 1574839984))
                let t1 := multiply(mload(add(s, 32)), mload(1376))
                let t2 := multiply(mload(add(s, 64)), mload(1408))
                let t3 := multiply(mload(add(s, 96)), mload(1440))
                let t4 := multiply(mload(add(s, 128)), mload(1472))
                mstore(d, reduce(add(add(add(add(t0, t1), t2), t3), t4)))
                mstore(add(d, 32), reduce(add(t0, fold_twice(sub(add(add(mul(t3, 296350730), mul(t4, 29493979)), 0x243c25a38d4d1d18243c25a38d4d1d18243c25a38d4d1d18243c25a38d4d1d18), add(mul(t1, 866847644), mul(t2, 430030599)))))))
                mstore(add(d, 64), reduce(add(t0, fold_twice(sub(add(mul(t2, 661280563), 0x23ed5940eca502ac23ed5940eca502ac23ed5940eca502ac23ed5940eca502ac), add(add(mul(t1, 615408321), mul(t3, 380666443)), mul(t4, 289786847)))))))
                mstore(add(d, 96), reduce(add(t0, fold_twice(sub(add(add(add(mul(t1, 907554780), mul(t2, 801165012)), mul(t3, 560473459)), 0x3b911dac7f1372803b911dac7f1372803b911dac7f1372803b911dac7f13728), mul(t4, 133246639))))))
                mstore(add(d, 128), reduce(add(t0, fold_twice(add(add(add(mul(t1, 842192426), mul(t2, 649755933)), mul(t3, 424546874)), mul(t4, 455514055))))))
            }
        }
    }
}

}
