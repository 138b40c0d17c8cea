package main

import (
	"fmt"

	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/tenancy/vault"
)

// keysCommand makes the keys of an installation.
type keysCommand struct {
	New    keysNewCommand    `cmd:"" help:"Make the keys of a new installation and print them as settings."`
	Public keysPublicCommand `cmd:"" help:"Print the public half of the vault's key, for servers beside workers."`
}

// keysNewCommand makes keys; they are printed and kept nowhere.
type keysNewCommand struct{}

// Run prints each key under whose settings it belongs.
func (keysNewCommand) Run(c *console) error {
	signing, err := saas.NewSigningKey()
	if err != nil {
		return err
	}
	kek, err := vault.NewKEK()
	if err != nil {
		return err
	}
	private, err := kek.Encode()
	if err != nil {
		return err
	}
	public, err := kek.Public().Encode()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "# servers: pages and API\nLUNOBOT_SIGNING_KEY=%s\nLUNOBOT_VAULT_PUBLIC_KEY=%s\n# workers, and a server that is the whole installation; without it no exchange key can be opened again\nLUNOBOT_VAULT_KEY=%s\n",
		signing.Reveal(), public, private.Reveal())
	return err
}

// keysPublicCommand derives the public half.
type keysPublicCommand struct {
	VaultKey string `env:"LUNOBOT_VAULT_KEY" required:"" placeholder:"KEY" help:"The key that opens the tenants' exchange keys; give it by the environment, for a flag shows in the list of processes."`
}

// Run prints the public half of a key that is in use already.
func (k keysPublicCommand) Run(c *console) error {
	kek, err := vault.ParseKEK(vault.NewSecret(k.VaultKey))
	if err != nil {
		return input("LUNOBOT_VAULT_KEY: %w", err)
	}
	public, err := kek.Public().Encode()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "LUNOBOT_VAULT_PUBLIC_KEY=%s\n", public)
	return err
}
