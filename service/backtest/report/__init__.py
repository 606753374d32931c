"""What a committee reads of a backtest: how often each rule would have spoken, about whom, and whether in time."""
