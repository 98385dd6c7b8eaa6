// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IProofOfInference} from "../interfaces/IProofOfInference.sol";
import {Award} from "../types/Award.sol";
import {Bid} from "../types/Bid.sol";
import {Offer} from "../types/Offer.sol";

/// @title What a report against a worker must show
library Evidence {
    /// @notice Reverts unless `award` orders exactly what `bid` promised for `offer`.
    function requireSameTerms(
        Offer calldata offer,
        bytes32 offerHash,
        Bid calldata bid,
        bytes32 bidHash,
        Award calldata award,
        address token
    ) internal pure {
        _require(award.offerHash == offerHash && bid.offerHash == offerHash, IProofOfInference.Term.OfferHash);
        _require(award.bidHash == bidHash, IProofOfInference.Term.BidHash);
        _require(award.requester == offer.requester, IProofOfInference.Term.Requester);
        _require(award.worker == bid.worker, IProofOfInference.Term.Worker);
        _require(award.modelDigest == offer.modelDigest, IProofOfInference.Term.ModelDigest);
        _require(award.inputDigest == offer.inputDigest, IProofOfInference.Term.InputDigest);
        _require(award.price == bid.price, IProofOfInference.Term.Price);
        _require(offer.payToken == token, IProofOfInference.Term.PayToken);
        _require(
            award.resultDeadline == offer.resultDeadline && bid.resultBy <= offer.resultDeadline,
            IProofOfInference.Term.ResultDeadline
        );
        _require(
            award.settleDeadline == offer.settleDeadline && bid.resultBy <= offer.settleDeadline,
            IProofOfInference.Term.SettleDeadline
        );
        _require(award.nonce == offer.nonce, IProofOfInference.Term.Nonce);
    }

    function _require(bool holds, IProofOfInference.Term term) private pure {
        if (!holds) revert IProofOfInference.TermsMismatch(term);
    }
}
