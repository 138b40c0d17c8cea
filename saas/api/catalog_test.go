package api_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/saas/catalog"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
	"github.com/lunobot/lunobot/strategy/pluginhost"
	"github.com/lunobot/lunobot/tenancy"
)

// nobody starts no plugin: requests put none in.
type nobody struct{}

func (nobody) Inspect(context.Context, string) (pluginhost.Item, error) {
	panic("a request put a plugin in")
}

// operator logs in as an administrator of the installation, who is a viewer in
// the tenant of a token.
func (b *bench) operator(token string) string {
	b.t.Helper()
	ctx, email := b.t.Context(), uuid.NewString()+"@example.com"
	p, err := tenancy.NewPasswords(cheap())
	must(b.t, err)
	hash, err := p.Hash(ctx, "correct horse battery")
	must(b.t, err)
	u := tenancy.User{ID: uuid.Must(uuid.NewV7()).String(), Email: email, PlatformAdmin: true, CreatedAt: b.clock.Now()}
	must(b.t, b.users.InsertUser(ctx, u, hash))
	tenantID := b.tenant(token)
	must(b.t, b.users.InsertMembership(ctx, tenantID, tenancy.Membership{TenantID: tenantID, UserID: u.ID, Role: tenancy.Viewer, CreatedAt: b.clock.Now()}))
	return b.call("POST", "/api/v1/auth/login", "", `{"email":"`+email+`","password":"correct horse battery"}`).want(200).text("access_token")
}

// putIn stores a version that was put in; its file is lost.
func (b *bench) putIn(name, version string) {
	b.t.Helper()
	must(b.t, b.store.InsertEntry(b.t.Context(), catalog.Entry{
		Ref: catalog.Ref{Name: name, Version: version}, SHA256: "00ff", Size: 17, Status: catalog.Approved, Isolation: catalog.Shared, InstalledBy: "root",
		Manifest: plugin.Manifest{Info: strategy.Info{Name: name, Version: version, Title: "Demo"}}, InstalledAt: b.clock.Now(), ApprovedBy: "root", ApprovedAt: b.clock.Now(),
	}))
}

// Only administrators of the installation see and change the catalog: an owner of
// a tenant is none, and hears so before anything else of a request is looked at;
// an administrator need be no more than a viewer in one.
func TestCatalogIsForAdministrators(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner := b.register("ada@example.com")
	admin := b.operator(owner)
	b.putIn("demo", "1.0.0")
	b.putIn("demo", "1.1.0")
	const all, one = "/api/v1/admin/strategies", "/api/v1/admin/strategies/demo/1.0.0"
	ops, routes := operations(document(t, b)), 0
	for _, r := range b.api.Routes() {
		if !strings.HasPrefix(r.Path, "/api/v1/admin/") {
			continue
		}
		routes++
		path := strings.NewReplacer("{strategy}", "demo", "{version}", "1.0.0").Replace(r.Path)
		b.call(r.Method, path+"?nonsense=1", "", "{").want(401)
		b.call(r.Method, path+"?nonsense=1", owner, "{").want(403, "admin_only")
		op := ops[r.Method+" "+r.Path]
		if op["responses"].(object)["403"] == nil || !strings.Contains(op["description"].(string), "administrators of the installation only") {
			t.Errorf("the document does not say for whom %s %s is", r.Method, r.Path)
		}
	}
	if routes < 6 {
		t.Errorf("%d routes are for administrators", routes)
	}
	b.call("GET", all, admin, "").want(200, `"name":"demo","version":"1.0.0","title":"Demo","status":"approved","isolation":"shared"`, "demo 1.0.0 cannot be used: its file is gone")
	b.call("PUT", one+"/isolation", admin, `{"isolation":"planet"}`).want(422, "isolation")
	b.call("PUT", one+"/isolation", admin, `{"isolation":"tenant"}`).want(200, `"isolation":"tenant"`)
	b.call("POST", one+"/revoke", admin, `{"reason":"it loses"}`).want(200, `"status":"revoked"`, `"reason":"it loses"`)
	b.call("POST", one+"/revoke", admin, `{}`).want(409, "strategy_not_approved")
	b.call("POST", one+"/approve", admin, "").want(409, "strategy_file_missing") // proves PL5
	b.call("POST", "/api/v1/admin/strategies/demo/9.0.0/approve", admin, "").want(404, "strategy_version_not_found")
	b.call("DELETE", one, admin, "").want(204)
	b.call("DELETE", one, admin, "").want(404)
	b.call("GET", "/api/v1/admin/strategy-changes", admin, "").want(200, `"action":"strategy.removed","actor":"`, `"action":"strategy.revoked"`, `"note":"it loses"`)
	b.call("GET", all, admin, "").want(200, `"version":"1.1.0"`)
	b.call("GET", "/api/v1/admin/strategy-strays", admin, "").want(200, `"items":[]`)
	b.call("GET", "/api/v1/admin/strategy-hangs", admin, "").want(200, `"items":[]`)
	for range 2 {
		_, err := b.store.PutHang(t.Context(), b.tenant(owner), research.NewHang("demo", "1.0.0", b.clock.Now(), time.Minute))
		must(t, err)
	}
	b.call("GET", "/api/v1/admin/strategy-hangs", admin, "").want(200, `"name":"demo","version":"1.0.0","tenants":1,"hangs":2`, `"suspect":false`)
	lost := catalog.NewFolder(b.plugins).Path(catalog.Ref{Name: "demo", Version: "1.0.0"}, "copied")
	must(t, os.MkdirAll(filepath.Dir(lost), 0o700))
	must(t, os.WriteFile(lost, []byte("12345"), 0o600))
	b.call("GET", "/api/v1/admin/strategy-strays", admin, "").want(200,
		`"path":"`+lost+`","size":5,"name":"demo","version":"1.0.0","partial":false`, "It lies where a file of demo@1.0.0 would")
}
