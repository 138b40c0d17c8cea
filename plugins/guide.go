// Package plugins holds the documentation of the bundled strategies, which lies beside
// the main of each, for hosts that contain them. The strategies are packages of their
// own: plugins/<name>/<name>.
//
//	def := rsi.Definition().WithGuide(plugins.Guide("rsi"))
package plugins

import "embed"

//go:embed */README.md
var guides embed.FS

// Guide returns the documentation of a bundled strategy in Markdown; "" if there is no
// such strategy.
func Guide(name string) string {
	text, err := guides.ReadFile(name + "/README.md")
	if err != nil {
		return ""
	}
	return string(text)
}
