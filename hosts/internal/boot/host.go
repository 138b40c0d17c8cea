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
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/errs"
)

// host is a program that runs an App and listens.
type host struct {
	// name and text are the program's.
	name, text string
	// dataDir is the folder of what it keeps, unless another one is asked for.
	dataDir string
	// options are the flags, shared those that all hosts have, and addr where it
	// listens.
	options  any
	shared   *Options
	addr     *string
	addrName string
	// configure completes the App's configuration.
	configure func(c *saas.Config)
	// announce tells where everything is.
	announce func(ctx context.Context, app *saas.App, base string, out io.Writer) error
	// stopping is what is said when it is asked to stop.
	stopping string
}

// run reads the settings and serves until the process is asked to stop; it returns
// the exit code.
func (h host) run(args []string, out, problems *os.File) int {
	complain := func(err error) { fmt.Fprintf(problems, "lunobot: %v\n", err) }
	if err := LoadDotEnv(); err != nil {
		complain(err)
		return 2
	}
	parser, err := kong.New(h.options, kong.Name(h.name), kong.Description(h.text), kong.Writers(out, problems), kong.Vars{"data_dir": h.dataDir})
	if err != nil {
		complain(err)
		return 1
	}
	if _, err := parser.Parse(args); err != nil {
		complain(err)
		return 2
	}
	log, logErr := h.shared.Logger(problems)
	cfg, cfgErr := h.shared.Config(log)
	if err := errors.Join(checkAddr(h.addrName, *h.addr), logErr, cfgErr); err != nil {
		complain(fmt.Errorf("the settings cannot be used:\n%w", err))
		return 2
	}
	h.configure(&cfg)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := h.serve(ctx, cfg, out, log); err != nil {
		complain(err)
		switch errs.CodeOf(err) {
		case saas.CodeKeyRefused, saas.CodeMarketSettled, saas.CodePairUnknown: // settings that only their use shows to be wrong
			return 2
		}
		return 1
	}
	return 0
}

// serve listens first, so that a port in use is told before anything is
// touched, and serves until ctx ends.
func (h host) serve(ctx context.Context, cfg saas.Config, out io.Writer, log *slog.Logger) (err error) {
	listener, err := net.Listen("tcp", *h.addr)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("the address %s is in use: stop what listens there, or choose another with %s", *h.addr, h.addrName)
		}
		return fmt.Errorf("listening on %s: %w", *h.addr, err)
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
	if base == "" || cfg.Role == saas.Worker {
		base = "http://" + listener.Addr().String()
	}
	if err := h.announce(ctx, app, base, out); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	fmt.Fprintln(out, h.stopping)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("closing connections: %w", err)
	}
	return nil
}
