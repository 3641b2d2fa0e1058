"""Word lists behind the canonical forms. They are part of those forms: a change is a change of `CANONICAL_VERSION`.

They are kept here and not taken from packages (cleanco, for one) because an identifier must not change by an
upgrade. The one exception is the list of disposable domains, which only helps while it is fresh: see `emails.py`.
"""

from clodura_pipeline.identity.cells.text import listed

# Domains where anybody gets an address: they name no company.
FREE_MAIL_DOMAINS = listed(
    """
    gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.co.in yahoo.de yahoo.fr yahoo.es yahoo.it yahoo.ca
    ymail.com rocketmail.com hotmail.com hotmail.co.uk hotmail.de hotmail.fr hotmail.it hotmail.es outlook.com
    outlook.de outlook.fr live.com live.co.uk live.de live.fr live.nl msn.com aol.com icloud.com me.com mac.com
    proton.me protonmail.com pm.me tutanota.com gmx.com gmx.de gmx.net gmx.at gmx.ch web.de t-online.de
    freenet.de mail.com mail.ru inbox.ru list.ru bk.ru yandex.ru yandex.com rambler.ru qq.com 163.com 126.com
    sina.com foxmail.com naver.com daum.net hanmail.net rediffmail.com zoho.com fastmail.com hey.com orange.fr
    wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it alice.it tiscali.it uol.com.br bol.com.br
    terra.com.br wp.pl o2.pl onet.pl interia.pl seznam.cz centrum.cz bluewin.ch hispeed.ch btinternet.com
    sky.com virginmedia.com ntlworld.com comcast.net verizon.net att.net sbcglobal.net cox.net charter.net
    bellsouth.net shaw.ca rogers.com telus.net bigpond.com optusnet.com.au xtra.co.nz telenet.be skynet.be
    ziggo.nl kpnmail.nl planet.nl hetnet.nl
    """
)
# Sites where a company has a page: the page says something, their domain does not.
SOCIAL_HOSTS = listed(
    """
    linkedin.com facebook.com fb.com twitter.com x.com instagram.com youtube.com tiktok.com github.com linktr.ee
    medium.com crunchbase.com xing.com google.com goo.gl bit.ly pinterest.com angel.co wellfound.com
    """
)

# Before a name, compared without dots. No word here is a usual given name (Dean, King and Major are).
TITLES = listed(
    """
    mr mrs ms miss mx mister dr drs doctor prof professor sir dame rev reverend hon mme mlle monsieur madame
    herr frau hr fr sr sra srta señor señora don dott dottssa ing dipl dipling mag phdr mudr mvdr rndr judr ir
    eng engr capt
    """
) - {"don", "fr"}
# Behind a title and with a dot they go on with it: `Dr. rer. nat.`, `Prof. Dr. h.c.`
TITLE_PARTS = listed(
    """
    hc eh med rer nat phil habil iur jur oec pol dent vet mult publ univ ing techn agr theol sc kfm kffr inf
    """
)
# Behind a name and never a surname; without a comma these are cut off too.
CREDENTIALS_ANYWHERE = listed(
    """
    mba emba phd cpa cfa pmp msc bsc llm llb facs frcs mrcp dds dvm pharmd edd dphil cissp csm shrm shrmcp
    shrmscp phr sphr
    """
)
# Behind a comma these are credentials as well; without one they may be surnames (Ma, Do, Ba).
CREDENTIALS = CREDENTIALS_ANYWHERE | listed(
    """
    ma ba bs ms md do jd rn np pa pe esq dba bcom mcom ca acca cima fca aca cma cfp chfc clu cia cisa cism ccna
    ccnp pmi-acp cspo leed ap rd lcsw mph mpa mpp mfa mphil meng beng btech mtech bba msn bsn fache fca cae cmp
    chrp ceng hons bscm itil prince2 togaf sixsigma sph gphr cscp cpim phdc dmd od pt dpt ot psyd mps msw lmft
    facp faan faia aia riba rics mrics frics obe mbe cbe qc kc
    """
)
# Which of several namesakes in a family; kept in comparing, for a father and his son may work at one company.
GENERATIONS = {
    "jr": "jr",
    "junior": "jr",
    "jnr": "jr",
    "sr": "sr",
    "senior": "sr",
    "snr": "sr",
    "ii": "ii",
    "iii": "iii",
    "iv": "iv",
    "v": "v",
}
# Legal forms that are nobody's surname: a name that ends in one is a company's.
COMPANY_ENDINGS = listed(
    """
    inc incorporated corp corporation ltd limited ltda llc llp lllp plc pllc gmbh mbh ag kg kgaa ohg gbr eurl sarl
    sasu srl srls bv nv bvba sprl aktiebolag oyj zrt nyrt kft sro spzoo eood jsc pjsc ojsc cjsc pty pte pvt bhd
    berhad tbk fze fzco dmcc wll
    """
)
# Those that are surnames too (Sá, Ek, Oy, Co): they tell a company only in capitals behind a name that is not.
SURNAMES_LIKE_ENDINGS = listed(
    """
    sa se as ab ug oy eg ev ek sl spa sas ad doo aps asa co kk uab ood
    """
)
# First and last names, folded, that together are a stand-in for somebody's.
NOBODY = frozenset(
    tuple(pair.split())
    for pair in """
    linkedin member | linkedin user | test user | test tester | test contact | test test | demo user | first last |
    firstname lastname | no name | not provided | not available | not applicable | not known | name surname |
    vorname nachname | vorname name | max mustermann | maxi musterfrau | erika mustermann | erika musterfrau |
    prenom nom | nom prenom | nombre apellido | nombre apellidos | nome cognome | nome sobrenome | nome apelido |
    voornaam achternaam | imie nazwisko | fornavn etternavn | fornavn efternavn | fornamn efternamn |
    etunimi sukunimi | jmeno prijmeni | ad soyad | john doe | jane doe | jan modaal | jan kowalski example |
    fulano silva | fulano tal | juan perez example | mario rossi example | joe bloggs | john q public | your name |
    my name | unknown user | unknown contact | unknown name | unknown person | unknown unknown | deleted user |
    deleted contact | former employee | new contact | new user | anonymous anonymous | private person |
    out network | membre linkedin | mitglied linkedin | miembro linkedin | usuario linkedin
    """.replace("\n", "|").split("|")
    if len(pair.split()) == 2
)
NOBODY_TWICE = ("test", "name", "user", "demo", "unknown", "anonymous", "guest", "none", "na", "firstname", "xxx")
# A department or a function: `Sales Team`, `Accounts Payable`, `Customer Service`.
NOBODY_FIRST = listed(
    """
    accounting accounts admin administration anonymous billing business client clients company customer customers
    demo finance front general guest help hiring hr human info information internal it legal marketing member
    office operations procurement product purchasing recruiting recruitment sales shared support system technical
    test training vendor web webmaster your the our
    """
)
NOBODY_LAST = listed(
    """
    team department dept desk office service services support manager management payable receivable resources
    relations user users account contact care admin administrator inbox mailbox group enquiries inquiries
    """
)

# Legal forms as they end a company's name, folded, by number of words; the longest is taken off first.
LEGAL_FORMS = frozenset(
    tuple(form.split())
    for form in """
    inc | incorporated | corp | corporation | co | company | co inc | co ltd | and co | and company | ltd |
    limited | ltda | llc | l l c | llp | lllp | lp | plc | pllc | pc | gmbh | mbh | gmbh and co |
    gmbh and co kg | gmbh co kg | ag | ag and co kg | kg | kgaa | ohg | gbr | ug | ug haftungsbeschrankt |
    haftungsbeschrankt | ek | eg | ev | se | sa | s a | sarl | s a r l | sas | sasu | eurl | snc | sca | scs |
    sci | scop | sl | slu | s l | sau | sa de cv | sapi de cv | s de rl de cv | de cv | spa | s p a | srl |
    s r l | srls | bv | b v | nv | n v | vof | cv | bvba | sprl | ab | a b | aktiebolag | hb | as | a s | asa |
    aps | a p s | oy | oyj | oy ab | ky | ehf | hf | spolka akcyjna | sp z oo | sp z o o | spolka z oo |
    spolka z ograniczona odpowiedzialnoscia | sp j | sp k | sro | s r o | spol s r o | spol sro | vos | kft |
    bt | zrt | nyrt | rt | doo | d o o | dd | d d | ad | eood | ood | ead | sia | uab | ou | a d | tov | ooo |
    oao | zao | pao | jsc | pjsc | ojsc | cjsc | ооо | оао | зао | пао | ао | pty | pty ltd | pty limited |
    proprietary limited | pte | pte ltd | pte limited | pvt | pvt ltd | pvt limited | private limited |
    private ltd | p ltd | opc | bhd | berhad | sdn bhd | sdn berhad | tbk | kk | kabushiki kaisha |
    godo kaisha | gk | yk | ltd sti | sti | anonim sirketi | limited sirketi | fze | fzco | fz llc | fzc |
    dmcc | wll | w l l | saoc | saog | lda | eireli | gie
    """.replace("\n", "|").split("|")
    if form.strip()
)
# Legal forms that stand before the name.
LEADING_FORMS = frozenset(
    {("pt",), ("ooo",), ("oao",), ("zao",), ("pao",), ("ооо",), ("оао",), ("зао",), ("пао",), ("ао",), ("tov",)}
)
# Written without a space before or behind the name.
CJK_FORMS = (
    *("股份有限公司", "有限责任公司", "有限公司", "株式会社", "有限会社", "合同会社", "(株)", "(有)"),
    *("주식회사", "유한회사", "(주)", "(유)"),
)
# Written where somebody has no employer; two people who have none do not work together.
NO_COMPANY = listed(
    """
    selfemployed selfemployedconsultant self freelance freelancer freelancing freelanceconsultant
    independentconsultant independentcontractor independentprofessional unemployed retired notemployed
    notcurrentlyemployed betweenjobs seekingemployment seekingnewopportunities lookingfornewopportunities
    openfornewopportunities opentowork careerbreak selbststandig selbstandig selbststaendig freiberufler
    freiberuflich arbeitslos rentner autonomo independant autoentrepreneur stealth stealthstartup stealthmode
    stealthmodestartup stealthcompany confidential confidentialcompany privat privatperson privateperson
    individual nocompany nocompanyname companyname mycompany yourcompany
    independent independentadvisor independentworker independentresearcher independentprofessionals contractor
    consultant consultants selfemployment selfemploy selfemployedprofessional selfemployedfreelancer ownbusiness
    ownboss myself student students universitystudent entrepreneur entrepreneurs homemaker housewife
    stayathomemom stayathomeparent jobseeker jobseekers openforwork opentoopportunities
    opentonewopportunities activelylooking activelyseekingemployment
    currentlyunemployed currentlylooking lookingforwork lookingforjob lookingforopportunities
    seekingopportunities seekingnewopportunity inbetweenjobs careertransition intransition sabbatical
    soletrader soleproprietor soleproprietorship volunteer retiree pensioner
    private personal personaluse privateuse home other others various misc miscellaneous none nil nan null na test
    notset notspecified notprovided notavailable notapplicable notgiven notlisted notknown unspecified undisclosed
    unknown unknowncompany unknownorganization unknownorganisation company companies organization organisation
    employer business noemployer noorganization noorganisation nowork nojob anonymous hidden tbd tba
    gmail googlemail hotmail ymail rocketmail yahoomail email
    zzp zzper zelfstandig zelfstandige zelfstandigondernemer eenmanszaak particulier particulieren geenbedrijf geen
    werkzoekend gepensioneerd
    particular particulares independiente trabajadorindependiente trabajadorporcuentapropia porcuentapropia
    cuentapropia freelancerindependiente autonoma autonomos sinempresa sinempleo desempleado desempleada jubilado
    jubilada estudiante ninguna ninguno profesionalindependiente consultorindependiente noaplica
    liberoprofessionista liberaprofessionista liberiprofessionisti privato pensionato disoccupato studente
    nessuna nessunaazienda lavoratoreautonomo indipendente activelyseeking nezamestnany ohne own
    profissionalliberal profissionalautonomo profissionalindependente contapropria semempresa
    desempregado aposentado estudante nenhuma
    independante travailleurindependant professionliberale microentreprise microentrepreneur
    chomage sansemploi sansentreprise sanssociete retraite retraitee etudiant etudiante particuliers aucun aucune
    aucuneentreprise enrecherchedemploi arecherchedemploi
    keine keinefirma keinunternehmen keinarbeitgeber keineangabe ohnefirma selbstaendig selbstandiger selbststandiger
    selbststandige privatkunde privatkunden privatkundin freelancerin freiberuflerin arbeitssuchend arbeitsuchend
    schueler schuler studentin rentnerin hausfrau einzelunternehmer einzelunternehmen kleinunternehmer unbekannt
    egenforetagare egetforetag egenanstalld pensionar arbetssokande selvstendig selvstaendig selvstndig
    selvstendignringsdrivende yrittaja opiskelija elakelainen tyoton
    bezfirmy brakfirmy brak osobaprywatna samozatrudniony bezrobotny emeryt osvc zivnostnik soukromaosoba
    egyenivallalkozo maganszemely nyugdijas serbestmeslek serbest emekli ogrenci issiz
    самозанятый фрилансер пенсионер студент безработный частноелицо
    """
)
# What is a profession behind one of these: `Freelance Designer`, `Self-employed photographer`.
NO_COMPANY_BEGINNINGS = ("freelance", "freelancer", "freiberuflicher", "freiberufliche", "selfemployed")
