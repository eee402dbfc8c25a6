class Offload < Formula
  desc "Order service for AWS whose clients poll S3 instead of your API"
  homepage "https://status-offload.dev"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

@PLATFORMS@

  def install
    bin.install "offload", "offload-api", "offload-worker"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/offload --version")
  end
end
