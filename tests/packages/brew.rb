# brew.rb FORMULA SOURCES KEG: runs a formula's install in SOURCES into KEG, then its test.
require "pathname"
require "tmpdir"

class Pathname
  def install(*files)
    mkpath
    files.each { |f| File.write(self/File.basename(f), File.binread(f)) }
  end
end

module Env
  def prepend_path(name, dir)
    self[name] = [dir.to_s, self[name]].compact.join(":")
  end
end
ENV.extend(Env)

class Formula
  FIELDS = %i[desc homepage url sha256 license].freeze

  class << self
    attr_reader :test_block

    def fields
      @fields ||= {}
    end
    FIELDS.each { |f| define_method(f) { |v| fields[f] = v } }
    def depends_on(*) = nil
    def uses_from_macos(*) = nil
    def test(&block) = @test_block = block

    def [](name)
      Struct.new(:opt_lib).new(Pathname("/usr/local/opt/#{name}/lib"))
    end
  end

  attr_reader :prefix

  def initialize(prefix)
    @prefix = Pathname(prefix)
  end

  def bin = prefix/"bin"
  def pkgshare = prefix/"share/ggtool"
  def bash_completion = prefix/"etc/bash_completion.d"
  def zsh_completion = prefix/"share/zsh/site-functions"
  def fish_completion = prefix/"share/fish/vendor_completions.d"
  def which(program) = ENV["PATH"].split(":").map { |d| Pathname(d)/program }.find(&:executable?)

  def system(*words)
    Kernel.system(*words.map(&:to_s)) || abort("failed: #{words.join(" ")}")
  end

  def shell_output(line)
    out = `#{line}`
    $?.success? || abort("failed: #{line}")
    out
  end

  def assert_match(pattern, text)
    text.include?(pattern) || abort("#{pattern} is not in: #{text}")
  end
end

formula, sources, keg = ARGV.map { |a| File.expand_path(a) }
load formula
missing = Formula::FIELDS - Ggtool.fields.keys
missing.empty? || abort("not said: #{missing.join(", ")}")
it = Ggtool.new(keg)
Dir.chdir(sources) { it.install }
Dir.mktmpdir { |d| Dir.chdir(d) { it.instance_eval(&Ggtool.test_block) } }
