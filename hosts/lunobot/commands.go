package main

// commands are all that the program can do.
type commands struct {
	Admin       adminCommand       `cmd:"" help:"Manage administrators."`
	Backtest    backtestCommand    `cmd:"" help:"Run a strategy over recorded candles."`
	History     historyCommand     `cmd:"" help:"Keep candles for backtests: import, fetch, list, check."`
	Keys        keysCommand        `cmd:"" help:"Make the keys of an installation."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the database up to date."`
	Plugin      pluginCommand      `cmd:"" help:"Begin, check and put in strategies that are programs of their own."`
	Sim         simCommand         `cmd:"" help:"Serve a simulated Luno with play money."`
	Strategies  strategiesCommand  `cmd:"" help:"Show the strategies that there are."`
	Sweep       sweepCommand       `cmd:"" help:"Try many sets of a strategy's parameters and tell what the best is worth."`
	Walkforward walkforwardCommand `cmd:"" help:"Choose parameters window by window and trade each choice on the candles after it."`
}
