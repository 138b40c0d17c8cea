package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/lunobot/lunobot/hosts/internal/boot"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// commands are all that the program can do.
type commands struct {
	Admin       adminCommand       `cmd:"" help:"Manage administrators."`
	Backtest    backtestCommand    `cmd:"" help:"Run a strategy over recorded candles."`
	History     historyCommand     `cmd:"" help:"Keep candles for backtests: import, fetch, list, check."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the database up to date."`
	Plugin      pluginCommand      `cmd:"" help:"Begin, check and put in strategies that are programs of their own."`
	Sim         simCommand         `cmd:"" help:"Serve a simulated Luno with play money."`
	Strategies  strategiesCommand  `cmd:"" help:"Show the strategies that there are."`
	Sweep       sweepCommand       `cmd:"" help:"Try many sets of a strategy's parameters and tell what the best is worth."`
	Walkforward walkforwardCommand `cmd:"" help:"Choose parameters window by window and trade each choice on the candles after it."`
}

func main() {
	shim := sandbox.Serve()
	bundle := boot.Bundle()
	bundle.ServeIfChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := exitInput
	if err := boot.LoadDotEnv(); err != nil {
		fmt.Fprintln(os.Stderr, "lunobot:", err)
	} else {
		code = run(ctx, os.Args[1:], &console{bundle: bundle, shim: shim, in: os.Stdin, out: os.Stdout, problems: os.Stderr})
	}
	stop()
	os.Exit(code)
}

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, c *console) int {
	parser, err := kong.New(&commands{}, kong.Name("lunobot"), kong.Description("Trading bots on Luno: the operator's command line."),
		kong.Writers(c.out, c.problems), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(c))
	if err != nil {
		return c.fail(err)
	}
	command, err := parser.Parse(args)
	if err == nil {
		err = onlyOnce(command)
	}
	if err != nil {
		return c.fail(input("%w (lunobot --help tells more)", err))
	}
	return c.fail(command.Run())
}
