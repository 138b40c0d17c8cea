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

func main() {
	shim := sandbox.Serve()
	bundle := boot.Bundle()
	bundle.ServeIfChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends also what the first one cannot, such as waiting for a pipe
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
		kong.Vars{"data_dir": boot.DataDir},
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
