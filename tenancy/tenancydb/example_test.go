package tenancydb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/event"
	"github.com/lunobot/lunobot/tenancy"
	"github.com/lunobot/lunobot/tenancy/tenancydb"
)

// printer shows the events instead of keeping them.
type printer struct{}

// Record implements event.Recorder.
func (printer) Record(_ context.Context, list ...event.Event) error {
	for _, e := range list {
		fmt.Println("event:", e.Type)
	}
	return nil
}

// A service on a SQLite file: sign up, ask who it is, log out.
func Example() {
	if err := example(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// enrolled: Ada Lovelace
	// event: tenant.registered
	// event: user.logged_in
	// ada@example.com is owner, may trade: true
	// event: session.revoked
	// afterwards: session_ended
}

func example(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	d, err := db.Open(ctx, db.Config{URL: "sqlite://" + filepath.Join(dir, "lunobot.db")})
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // nothing is left to write
	if _, err := d.Migrate(ctx, tenancydb.Migrations()); err != nil {
		return err
	}
	svc, err := tenancy.New(tenancy.Config{
		Enrol: func(_ context.Context, t tenancy.Tenant) error {
			fmt.Println("enrolled:", t.Name)
			return nil
		},
		Events: printer{},
		Now:    time.Now,
		Store:  tenancydb.New(d),
		Tokens: tenancy.TokenConfig{Keys: []tenancy.SigningKey{{ID: "2030-01", Secret: []byte("32 bytes from a secret manager..")}}},
		Tx:     d,
	})
	if err != nil {
		return err
	}
	login, err := svc.Register(ctx, tenancy.RegisterInput{
		Email: "Ada@example.com", Password: "correct rubber fern", FirstName: "Ada", LastName: "Lovelace",
	})
	if err != nil {
		return err
	}
	who, err := svc.Authenticate(ctx, login.Tokens.AccessToken)
	if err != nil {
		return err
	}
	fmt.Printf("%s is %s, may trade: %v\n", who.Email, who.Role, who.Can(tenancy.BotsTrade))
	if err := svc.Logout(ctx, who); err != nil {
		return err
	}
	_, err = svc.Authenticate(ctx, login.Tokens.AccessToken)
	fmt.Println("afterwards:", errs.CodeOf(err))
	return nil
}
