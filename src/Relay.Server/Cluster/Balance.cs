namespace Relay.Server.Cluster;

/// <summary>
/// How many of its connections a node gives up now, so that a node that came back gets its share again. It goes by small steps, because
/// every node looks for itself; and it pauses ever longer when those that were sent away come back, as they do through a proxy that
/// always sends an address to the same node. One caller.
/// </summary>
internal sealed class Balance
{
    /// <summary>A node keeps so many more than its share: moving costs each agent a reconnect.</summary>
    private const double Tolerance = 0.1;
    private const int FewestMore = 4;

    /// <summary>Of what is too much, given up at a time.</summary>
    private const double Step = 0.5;

    /// <summary>At most so many at a time, so that the other nodes can take them.</summary>
    private const int LargestStep = 500;
    private const int LongestPause = 240;

    private int _before;
    private int _gaveUp;
    private int _pause;
    private int _pauseLeft;

    /// <param name="own">Connections here.</param>
    /// <param name="nodes">All nodes, this one among them.</param>
    /// <returns>How many to send away, usually 0.</returns>
    public int Next(int own, IReadOnlyList<NodeReport> nodes)
    {
        JudgeLastStep(own);
        if (_pauseLeft > 0)
        {
            _pauseLeft--;
            return 0;
        }

        var share = nodes.Sum(static node => (double)node.Connections) / Math.Max(1, nodes.Count);
        var tooMany = own - share;
        if (nodes.Count < 2 || tooMany <= Math.Max(FewestMore, share * Tolerance))
        {
            return 0;
        }

        (_before, _gaveUp) = (own, Math.Clamp((int)(tooMany * Step), 1, LargestStep));
        return _gaveUp;
    }

    /// <summary>Whether those that were sent away stayed away.</summary>
    private void JudgeLastStep(int own)
    {
        if (_gaveUp == 0)
        {
            return;
        }

        _pause = own > _before - (_gaveUp / 4.0) ? Math.Clamp(_pause * 2, 4, LongestPause) : 0;
        (_pauseLeft, _gaveUp) = (_pause, 0);
    }
}
