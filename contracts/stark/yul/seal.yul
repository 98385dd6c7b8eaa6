// The entry. Calldata: claim (32 bytes), then the whole seal. Returns the control id of the program that made the
// claim, or reverts with the number of the check that failed. It deploys its own HeaderVerifier.
object "SealVerifier" {
    code {
        // Constructor arguments: the constraint contracts' addresses, passed on as they are.
        let size := datasize("HeaderVerifier")
        datacopy(0, dataoffset("HeaderVerifier"), size)
        codecopy(size, sub(codesize(), $PART_ARGUMENTS), $PART_ARGUMENTS)
        let header := create(0, 0, add(size, $PART_ARGUMENTS))
        if iszero(header) { revert(0, 0) }
        size := datasize("runtime")
        datacopy(0, dataoffset("runtime"), size)
        setimmutable(0, "header", header)
        return(0, size)
    }
    object "runtime" {
        code {
            mstore($RESERVED, memoryguard($SEAL_MEMORY))
            if iszero(eq(calldatasize(), $CALLDATA_LENGTH)) { fail($FAIL_LENGTH) }
            calldatacopy($HEADER_COPY, 0, $CALLDATA_HEADER)
            if iszero(staticcall(gas(), loadimmutable("header"), $HEADER_COPY, $CALLDATA_HEADER,
                                 $SHARED, $SHARED_LENGTH)) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
            // phase: start
$CHECK_QUERIES
        }
    }
$HEADER_OBJECT
}
