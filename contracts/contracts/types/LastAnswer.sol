// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice The answer to the call that a voucher has paid and not acknowledged; both fields are empty for none.
/// @param output Canonical encoding of the output tensors.
/// @param receiptSignature Of the worker, on the {CallReceipt} after this call.
struct LastAnswer {
    bytes output;
    bytes receiptSignature;
}
