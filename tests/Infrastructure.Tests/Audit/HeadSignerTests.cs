using JumpingVpn.Domain.Audit.Incidents;
using JumpingVpn.Domain.Primitives;
using JumpingVpn.Infrastructure.Audit;
using JumpingVpn.Infrastructure.Tests.Linux;
using JumpingVpn.Node.Lab;

namespace JumpingVpn.Infrastructure.Tests.Audit;

/// <summary>The journal of signed heads on a disk that does not take it.</summary>
public sealed class HeadSignerTests : IDisposable
{
    /// <summary>More attempts than the journal has files.</summary>
    private const int Attempts = 20;

    private readonly string directory = Directory.CreateTempSubdirectory("jumping-vpn-heads-").FullName;

    public void Dispose() => Directory.Delete(directory);

    [PrivilegedFact]
    public async Task REQ_AUDIT_1_a_full_disk_costs_no_signature_that_is_there_and_signing_goes_on_when_there_is_room()
    {
        History history = History.Story();
        string other = Path.Combine(directory, "other");
        LabCommand.Run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]);
        try
        {
            // Each start begins a file. One more is all that the journal keeps, so none has to go for the next one.
            for (int i = 0; i < 7; i++) await Sign(history);
            Assert.Equal(7, Signed().Length);

            var warnings = new List<string>();
            await using (HeadSigner signer = Opened(warnings))
            {
                Assert.True(Fill(other), "the disk takes whatever comes");
                signer.Moved(HeadLeaf.Of(history.Envelopes[1]));
                for (int i = 0; i < Attempts; i++) await signer.SignAsync();
                Assert.Contains("No space left", Assert.Single(warnings), StringComparison.Ordinal);
                Assert.Equal(7, Signed().Length);

                File.Delete(other);
                await signer.SignAsync();
                Assert.Contains(HeadLeaf.Of(history.Envelopes[1]), Signed());
                signer.Moved(HeadLeaf.Of(history.Envelopes[2]));
                await signer.SignAsync();
                Assert.Contains(HeadLeaf.Of(history.Envelopes[2]), Signed());
            }
            Assert.Single(warnings);
        }
        finally
        {
            LabCommand.Run("umount", [directory]);
        }
    }

    private async Task Sign(History history)
    {
        var warnings = new List<string>();
        await using (HeadSigner signer = Opened(warnings))
        {
            signer.Moved(HeadLeaf.Of(history.Envelopes[0]));
            await signer.SignAsync();
        }
        Assert.Empty(warnings);
    }

    private HeadSigner Opened(List<string> warnings) => new(directory, "gw-a", Incidents.GwA, static () => new WallTime(1_790_000_200_000_000), warnings.Add);

    private HeadLeaf[] Signed() => [.. HeadJournal.Of(directory, History.Id).Select(head => head.Leaf)];

    /// <summary>Writes until the disk takes no more.</summary>
    private static bool Fill(string file)
    {
        using var ballast = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            for (int i = 0; i < 1024; i++) ballast.Write(new byte[4096]);
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }
}
