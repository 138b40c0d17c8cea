package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands are all that the program can do.
type commands struct {
	Backtest   backtestCommand   `cmd:"" help:"Run a strategy over recorded candles."`
	Strategies strategiesCommand `cmd:"" help:"Show the strategies that there are."`
}

func main() {
	bundle, err := bundled()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lunobot:", err)
		os.Exit(exitFailure)
	}
	bundle.ServeIfChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], &console{bundle: bundle, in: os.Stdin, out: os.Stdout, problems: os.Stderr})
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
	if err != nil {
		return c.fail(input("%w (lunobot --help tells more)", err))
	}
	return c.fail(command.Run())
}
