package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/lunobot/lunobot/hosts/internal/boot"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/tenancy"
)

// passwordVariable is where a script can leave the password. A flag would show
// it to everybody who lists the processes.
const passwordVariable = "LUNOBOT_ADMIN_PASSWORD" //nolint:gosec // a name, not a password

// adminCommand manages administrators.
type adminCommand struct {
	Create adminCreateCommand `cmd:"" help:"Create an administrator of the installation. Stop a server of the same data folder first."`
}

type adminCreateCommand struct {
	Email     string `required:"" placeholder:"ADDRESS" help:"E-mail address to log in with."`
	FirstName string `required:"" placeholder:"NAME" help:"First name."`
	LastName  string `required:"" placeholder:"NAME" help:"Last name."`
	boot.Options
}

// Run creates the administrator. The password comes from the environment or the
// first line of the input.
func (a adminCreateCommand) Run(ctx context.Context, c *console) error {
	cfg, err := a.Config(slog.New(slog.DiscardHandler))
	if err != nil {
		return inputError{err}
	}
	in := tenancy.RegisterInput{Email: a.Email, FirstName: a.FirstName, LastName: a.LastName}
	if in.Password, err = c.password(); err != nil {
		return err
	}
	if err := in.Validate(); err != nil {
		return inputError{err}
	}
	if a.NATS != "" { // beside workers; the settings are those of a server
		cfg.Role = saas.Web
	}
	app, err := saas.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer app.Stop()
	user, err := app.Tenancy().CreateAdmin(ctx, in)
	var wrong *errs.Error
	switch {
	case errors.As(err, &wrong) && wrong.Kind == errs.Conflict:
		return input("creating the administrator: %s", wrong.Message)
	case err != nil:
		return fmt.Errorf("creating the administrator: %w", err)
	}
	fmt.Fprintf(c.out, "created administrator %s\n", user.Email)
	return nil
}

// password returns what the environment or the first line of the input says.
func (c *console) password() (string, error) {
	if text := os.Getenv(passwordVariable); text != "" {
		return text, nil
	}
	if f, ok := c.in.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprint(c.problems, "Password (it shows as you type): ")
		}
	}
	line, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", input("a password is needed: type it, pipe it in, or set %s", passwordVariable)
	}
	return line, nil
}
