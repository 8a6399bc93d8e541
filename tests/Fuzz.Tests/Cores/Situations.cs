namespace JumpingVpn.Fuzz.Tests.Cores;

/// <summary>All situations, made when they are first needed, and made anew when secrets of tried steps have piled up in them.</summary>
internal sealed class Situations(bool isReal)
{
    /// <summary>Simulated secrets are a few bytes each; real ones have their places counted.</summary>
    private readonly int _mostSecrets = isReal ? 3_000 : 100_000;

    private readonly Situation?[] _made = new Situation?[Situation.Count];

    public int Count => _made.Length;

    public Situation this[int number]
    {
        get
        {
            if (_made[number] is { } made && made.Gateway.Cryptography.Live < _mostSecrets && made.World.Clients.TrueForAll(client => !client.IsRunning || client.Cryptography.Live < _mostSecrets))
                return made;
            return _made[number] = Situation.Make(number, isReal);
        }
    }
}
