// Some of the queries alone. Calldata: number of the first of them (32 bytes); the Merkle layers of the four tables
// and the three FRI commitments; the memory that HeaderVerifier returned; the queries. The caller has to know that
// layers and memory come from one accepted header, and that there are no more queries than that header's proof has.
// Returns the control id, or reverts with the number of the check that failed.
object "QueryVerifier" {
    code {
        let size := datasize("runtime")
        datacopy(0, dataoffset("runtime"), size)
        return(0, size)
    }
    object "runtime" {
        code {
            mstore($RESERVED, memoryguard($SEAL_MEMORY))
            if lt(calldatasize(), add($QUERIES_AT, $QUERY_LENGTH)) { fail($FAIL_LENGTH) }
            if mod(sub(calldatasize(), $QUERIES_AT), $QUERY_LENGTH) { fail($FAIL_LENGTH) }
            calldatacopy($SHARED, $SHARED_AT, $SHARED_LENGTH)
            // The draws since the last commitment are counted: this goes on where the queries before left off.
            mstore($COUNTER, calldataload(0))
$CHECK_QUERIES
        }
    }
}
