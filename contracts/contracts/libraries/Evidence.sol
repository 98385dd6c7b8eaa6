// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISlashing} from "../interfaces/ISlashing.sol";
import {Award} from "../types/Award.sol";
import {Bid} from "../types/Bid.sol";
import {Offer} from "../types/Offer.sol";

/// @title What a report against a worker must show
library Evidence {
    /// @notice Reverts unless `award` orders exactly what `bid` promised for `offer`, at a price on or under the
    /// offer's ramp when the bid was made.
    function requireSameTerms(
        Offer calldata offer,
        bytes32 offerHash,
        Bid calldata bid,
        bytes32 bidHash,
        Award calldata award,
        address token
    ) internal pure {
        _require(award.offerHash == offerHash && bid.offerHash == offerHash, ISlashing.Term.OfferHash);
        _require(award.bidHash == bidHash, ISlashing.Term.BidHash);
        _require(award.requester == offer.requester, ISlashing.Term.Requester);
        _require(award.worker == bid.worker, ISlashing.Term.Worker);
        _require(award.modelDigest == offer.modelDigest, ISlashing.Term.ModelDigest);
        _require(award.inputDigest == offer.inputDigest, ISlashing.Term.InputDigest);
        _require(award.price == bid.price, ISlashing.Term.Price);
        _require(bid.madeAt <= bid.validUntil && bid.price <= offer.priceAt(bid.madeAt), ISlashing.Term.Ramp);
        _require(offer.payToken == token, ISlashing.Term.PayToken);
        _require(
            award.resultDeadline == offer.resultDeadline && bid.resultBy <= offer.resultDeadline,
            ISlashing.Term.ResultDeadline
        );
        _require(
            award.settleDeadline == offer.settleDeadline && bid.resultBy <= offer.settleDeadline,
            ISlashing.Term.SettleDeadline
        );
        _require(award.nonce == offer.nonce, ISlashing.Term.Nonce);
    }

    function _require(bool holds, ISlashing.Term term) private pure {
        if (!holds) revert ISlashing.TermsMismatch(term);
    }
}
