"""POSLog (ARTS): transactions of tills as XML."""
