"""One file per channel a shopper can write on."""
