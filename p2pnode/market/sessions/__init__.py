"""Sessions: thousands of calls between one requester and one worker, paid by one cumulative voucher."""
