"""What a committee reads about a backtest: how often each rule would have spoken, about whom, and whether in time."""
