using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Relay.Server.Ingest.Sources.Sns;

/// <summary>
/// The topic whose messages are taken: anybody can have a topic that sends to any address, with a signature that is just as right. Its
/// region says which host alone may be asked for certificates and confirmations.
/// </summary>
internal sealed partial class SnsTopic
{
    private const int MaxUrlLength = 2048;
    private readonly string _host;

    private SnsTopic(string arn, string partition, string region)
    {
        var domain = partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
        (Arn, _host) = (arn, $"sns.{region}.{domain}");
        CertificateNames = [_host, $"sns-signing.{region}.{domain}", partition switch
        {
            "aws-cn" => $"sns-{region}.{domain}",
            "aws-us-gov" => $"sns-us-gov-west-1.{domain}",
            _ => $"sns.{domain}",
        }];
    }

    public string Arn { get; }

    /// <summary>Whose certificate signs in this region, by any of the names that AWS's own SDKs (SnsMessageManager) look for.</summary>
    public IReadOnlyList<string> CertificateNames { get; }

    /// <param name="text">As in <c>arn:aws:sns:eu-west-1:123456789012:orders</c>.</param>
    /// <param name="topic">The topic, if it is one.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out SnsTopic? topic)
    {
        var match = ArnForm().Match(text ?? "");
        topic = match.Success
            ? new SnsTopic(text!, match.Groups["partition"].Value, match.Groups["region"].Value)
            : null;
        return topic is not null;
    }

    /// <summary>The address of a signing certificate: on the topic's host, and a file there, as no answer of the service's API is.</summary>
    public Uri? FindCertificate(string? url) => OnHost(url) is { Query: "" } found && CertificatePath().IsMatch(found.AbsolutePath) ? found : null;

    /// <summary>The address that confirms a subscription.</summary>
    public Uri? FindConfirmation(string? url) => OnHost(url) is { AbsolutePath: "/" } found ? found : null;

    private Uri? OnHost(string? url) =>
        url is { Length: <= MaxUrlLength }
        && Uri.TryCreate(url, UriKind.Absolute, out var found)
        && found is { Scheme: "https", IsDefaultPort: true, UserInfo: "", Fragment: "" }
        && found.Host == _host
            ? found
            : null;

    [GeneratedRegex(
        @"\Aarn:(?<partition>aws|aws-cn|aws-us-gov):sns:(?<region>[a-z]{2}(-[a-z]{1,16}){1,3}-[0-9]{1,2}):[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?\z",
        RegexOptions.ExplicitCapture)]
    private static partial Regex ArnForm();

    [GeneratedRegex(@"\A/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem\z")]
    private static partial Regex CertificatePath();
}
