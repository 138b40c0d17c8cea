package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/strategy/pluginhost/sandbox"
)

// serverOptions are the server's flags.
type serverOptions struct {
	Options
	Addr string `name:"addr" env:"LUNOBOT_ADDR" default:"127.0.0.1:5000" help:"Address to listen on."`
}

// Server runs the server until it is asked to stop (SIGINT, SIGTERM) and
// returns the exit code: 2 for settings that cannot be used, 1 for a failure. The
// shim is what sandbox.Serve returned in main.
func Server(shim sandbox.Shim, args []string, out, problems *os.File) int {
	var o serverOptions
	complain := func(err error) { fmt.Fprintf(problems, "lunobot: %v\n", err) }
	if err := LoadDotEnv(); err != nil {
		complain(err)
		return 2
	}
	parser, err := kong.New(&o, kong.Name("server"), kong.Description("Lunobot: trading bots for many tenants, in one process."),
		kong.Writers(out, problems))
	if err != nil {
		complain(err)
		return 1
	}
	if _, err := parser.Parse(args); err != nil {
		complain(err)
		return 2
	}
	log, logErr := o.Logger(problems)
	cfg, cfgErr := o.Config(log)
	if err := errors.Join(checkAddr(o.Addr), logErr, cfgErr); err != nil {
		complain(fmt.Errorf("the settings cannot be used:\n%w", err))
		return 2
	}
	cfg.Shim = shim
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, cfg, o.Addr, out, log); err != nil {
		complain(err)
		return 1
	}
	return 0
}

// serve listens first, so that a port in use is told before anything is
// touched, and serves until ctx ends.
func serve(ctx context.Context, cfg saas.Config, addr string, out io.Writer, log *slog.Logger) (err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("the address %s is in use: stop what listens there, or choose another with LUNOBOT_ADDR", addr)
		}
		return fmt.Errorf("listening on %s: %w", addr, err)
	}
	defer listener.Close() //nolint:errcheck // Serve has closed it, or nothing was served
	app, err := saas.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer app.Stop()
	if err := app.Start(ctx); err != nil {
		return err
	}
	streams, endStreams := context.WithCancel(context.WithoutCancel(ctx))
	defer endStreams()
	server := &http.Server{
		Handler: app.Handler(), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return streams },
	}
	server.RegisterOnShutdown(endStreams)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	base := cfg.BaseURL
	if base == "" {
		base = "http://" + listener.Addr().String()
	}
	if err := announce(ctx, app, base, out); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	fmt.Fprintln(out, "Stopping: bots are checkpointed and go on at the next start.")
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("closing connections: %w", err)
	}
	return nil
}

// announce prints where everything is, and the link that makes the
// administrator as long as there is none.
func announce(ctx context.Context, app *saas.App, base string, out io.Writer) error {
	token, needed, err := app.Tenancy().AdminLink(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Lunobot is at   %s\nData lies in    %s\nDatabase        %s\n", base, app.DataDir(), app.DatabaseURL())
	if needed {
		fmt.Fprintf(out, "Administrator   %s/setup/%s\n                (works once, for an hour; a new link is printed at each start until there is an administrator)\n", base, token)
	}
	return nil
}

// version returns what the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "dev"
	}
	return info.Main.Version
}
