"""Word lists for what stands before the `@`: functions, and what is written where no address is known.

They are part of the canonical forms: a change is a change of `CANONICAL_VERSION`.
"""

from clodura_pipeline.identity.cells.text import listed

# Local parts that name a function, not a person; compared without separators and trailing digits.
ROLE_WORDS = listed(
    """
    abuse accountancy accounting accounts accountspayable accountsreceivable accueil achats acquisti admin
    administracion administratie administration administrator admins admissions advertise advertising afdeling
    affiliate affiliates agence ajuda alarm alert alerts allstaff alumni amministrazione anfrage anfragen
    anmeldung anzeigen api apply appointments archive asiakaspalvelu asistencia assist assistance assistant
    assistenza atelier atencionalcliente atendimento auftrag ausbildung auskunft automated autoreply backoffice
    backup bestellen bestellung bestellungen bewerbung bewerbungen bilgi billing biuro board bogholderi boka
    bokning bokningar bonjour booking bookings bookkeeping bounce bounces boutique buchhaltung buero bulk bureau
    business businessdevelopment buying calidad callcenter campaign campaigns cancelleria care career careers
    catering central ceo cfo cio claims classifieds client clientes clienti clients clientservices clinica cmo
    cobranza cobranzas cobros collections comercial comercio commande commandes commerce commercial commerciale
    committee communicatie communication communications community company complaints compliance compras compta
    comptabilite comptable comunicacao comunicacion comunicazione concerns concierge conference conferences
    connect consult consulta consultas consulting contabilidad contabilidade contabilita contact contactenos
    contacto contacts contactus contas contato contattaci contatti contatto contracts coo corp corporate
    cotizaciones courrier creative credit creditcontrol cto customer customercare customerexperience
    customerrelations customers customerservice customersuccess customersupport customs data dataprotection
    datenschutz deliver deliveries delivery demande demo departement department dept design desk desktop dev
    developers development devis diffusion digital direccion directeur direction director directora directorio
    directory direktion direzione dirigenza dispatch dispo disposition distribution doctor documentos donate
    donations donotreply dontreply dpo dyrekcja ecom ecommerce editor editorial education einkaeufe einkauf
    ekonomi eksport email emails empfang empfangsbuero empleo empleos emploi employees employment engineering
    enquire enquires enquiries enquiry erp escribenos estimate estimates estimating events everyone expedicion
    expedition export exports facilities facturacion facturas facturatie facturation facturen factures factuur
    faktura fakturace fakturering faktureringen faktury faleconosco faq fatturazione fatture faturamento fax
    feedback feedbacks financas finance financedept financeiro finances finanse finanzas finanzen firma
    firmapost fleet formacion formation forretning forsikring franchise front frontdesk ftp fundraising gdpr
    gemeinde general generalinfo gerencia geschaeftsfuehrung gestion gestione getinfo gifts graphics group
    groups gruppo guest guests guestservices hallinta hallo handelsafdeling handlowy hauptverwaltung
    hausverwaltung headoffice hello help helpdesk hey hi hiring hola home hostmaster hotel hr hrdepartment
    humanresources ict ihracat iletisim immobilien immobilier import imports inbox info infodesk infomail
    informace informacion informacja informacje informatie informatik information informationen informations
    informatique informazioni infos infosec infrastructure ingenieria inkoop inkop innkjop innovation inquire
    inquiries inquiry install insurance insurances integration international internship inventory investor
    investorrelations investors invoice invoices invoicing iroda it itdepartment ithalat itsecurity itsupport
    job jobb jobs kadry kancelar kancelaria kantoor kantor kanzlei karriere kassa kasse kereskedelem kirjaamo
    klachten klantendienst klantenservice klientservice kontakt kontaktieren konto kontor kontoret koordination
    ksiegowosc kundcenter kundenberatung kundenbetreuung kundencenter kundendienst kundenservice kundeservice
    kundservice kundsupport kundtjanst laboratorio lager laskut laskutus leadership leads leasing legal leitung
    library licensing licitaciones lieferung list listserv livraison logistica logistics logistik logistique
    logistyka lohn loja lojistik lonn magasin magazzino mail mailbox mailerdaemon mailing maintenance
    maintenancedept mairie management manager manufacturing manutencao markedsforing marketing marketingdept
    markkinointi marknad media mediarelations meetings members membership mercadeo mercadotecnia merchandise
    merchant message messages mis monitoring mottagning muhasebe myynti myyntipalvelu nabidky nachrichten
    network news newsdesk newsletter newsletters nieuwsbrief noc nomina nonprofit noreply notification
    notifications notify nousecrire nps obchod obednavky objednavka objednavky odbyt oferta ofertas oferty
    offers office office365 officemanager offices oficina oficinas ofis oncall online onlineshop openhouse
    operations operator orcamento orcamentos order orders ordine ordini ordre outreach palkat partner
    partnerprogram partners partnership partnerships parts pay payable payables payment payments paymentsteam
    payroll pedidos penztar people pers personal personalabteilung personalbuero personeel personnel planning
    platform poczta podatelna podpora policy post posta postkasse postmaster postmottak postoffice poststelle
    potraznja pr praca pracownia prasa praxis preise prensa preorder presales presidencia press presse
    pressoffice prevendita pricing privacy procurement prodaja prodajo prodej prodejna produccion production
    products produktion program programs project projects projekt projekte promo promocion promotions property
    proposals protokoll proveedores pub public publicidad publicidade publicite publicity publicrelations
    publishing purchase purchasing qualidade qualitaet qualite quality quotation quotations quote quotes rathaus
    realestate recepcao recepce recepcia recepcion recepcja recepsjon receptie reception receptionist rechnung
    rechnungen reclamaciones reclamos recovery recruit recruiter recruiters recruiting recruitment recrutamento
    recrutement recursoshumanos recycling redaccion redactie redaction redakce redakcja redaktion redazione
    register registrar registration registry reklamacje reklamation relations relocation renewals renseignements
    rent rental rentals reparatur reply report reporting reports request requests research resepsjon reserva
    reservas reservasjon reservation reservations reserve reserveringen reservierung reservierungen
    ressourceshumaines resumes retail returns review reviews rezeption rezervace rezervacije rezervasyon
    rezerwacja rezerwacje rfp rfq rh root rrhh rsvp safety sale sales salesteam salg salgsavdeling satinalma
    satis sav scheduling scholarship school schule secretaire secretaria secretariaat secretariado
    secretariageneral secretariat secretary security segreteria seguridad seguros sekretar sekretariaat
    sekretariat sekreteri seminar seminars seo server service servicecenter servicedepartment servicedesk
    services servicio servicioalcliente servicios servizio servizioclienti serwis shared shipping shop shopping
    sistemas site sklad sklep social socialmedia software solutions soporte sos sourcing spam spareparts spares
    speakers spedition spedizioni sponsor sponsorship staff stampa standesamt stellen store strategy studenti
    students studentservices studio submissions submit subscribe subscription subscriptions suggestions suporte
    supplier suppliers supplies supply support supportteam survey sustainability sysadmin system systems talent
    talentacquisition tax team tech technical technik technique techsupport tecnica tecnico teknik
    tekniskservice telefonzentrale telesales tender tenders termin termine terminvergabe tesoreria test tests
    theteam tickets tienda toimisto toimitus tour tours trade traffic training transport transportation travel
    treasurer treasurers treasury trial turismo ufficio ufficioacquisti ufficiocommerciale ufficiostampa
    ugyfelszolgalat unit unsubscribe unternehmen update updates usenet user users vendas vendite vendor vendors
    ventas ventes verein verify verkauf verkoop verlag vermietung versand versicherung vertrieb vertriebsteam
    verwaltung verzekering vevoszolgalat video visit visitor visitors volunteer volunteers voorzitter vorstand
    vorzimmer warehouse warenannahme warranties warranty web webadmin webmaster webshop website wedding weddings
    welcome welfare werbung werkstatt wholesale workshop www yardim yonetim youth zakaznickyservis zakaznik
    zakelijk zakupy zamowienia zentrale zgloszenia
    """
)
# Those among them that are nobody's name: whatever follows behind a separator is a place, a language or a department
# (`info-berlin`), while `press.lee` and `dev.patel` may be people.
LEADING_ROLE_WORDS = listed(
    """
    accounting accounts accueil achats acquisti admin administracion administratie administration
    amministrazione anfrage anfragen assistenza atendimento backoffice bestellung bestellungen bewerbung
    bewerbungen billing biuro booking bookings bounce bounces buchhaltung buero careers clientservices comercial
    commerciale communications compras contact contacto contacts contactus contato contatto customercare
    customerservice customersupport donotreply dontreply einkauf empfang enquiries enquiry export facturacion
    facturas facturation faktura feedback finance gemeinde headoffice help helpdesk hostmaster humanresources
    import info infodesk infomail information informationen infos inkoop inquiries inquiry invoice invoices
    invoicing iroda itsupport jobs kancelaria kantoor kanzlei karriere klantenservice kontakt kontor
    kundendienst kundenservice kundeservice logistics logistik mailbox mairie marketing myynti news newsletter
    noreply notifications obchod office offices oficina ofis onlineshop orders ordini pedidos personalabteilung
    podpora postmaster poststelle presales procurement prodaja purchasing rathaus recepcion recepcja receptie
    reception rechnung rechnungen recruiting recruitment recrutement redaccion redaktion redazione reservas
    reservation reservations reservierung rezeption rrhh sales salesteam salg satis secretaria secretariat
    segreteria sekretariat service servicedesk soporte spedition suporte support team technical technik
    techsupport telesales vendas vendite ventas ventes verkauf verkoop vertrieb verwaltung warehouse webmaster
    webshop welcome zentrale
    """
)
# What a function's mailbox may end with in one word (`marketingteam`), and with the others behind a separator.
ROLE_ENDINGS = ("team", "department", "dept", "abteilung", "desk", "office", "mailbox")
REGIONS = listed(
    """
    at au be br ca ch cn de dk en es eu fi fr ie in it jp mx nl no nz pl pt se sg uk us usa emea apac dach latam
    benelux nordics europe asia america americas africa mea north south east west nord sud sued ost international
    global worldwide department dept abteilung team group
    """
)
# Local parts written where no address is known or to be told; joined they would make one person of many.
NO_ADDRESS_WORDS = listed(
    """
    anonimo anonym anonyme anonymised anonymizado anonymized anonymous asd asdasd asdasdasd asdf asdfasdf asdfg
    asdfgh asdfghjk asdfghjkl aucun aucune aucunmail azerty azertyuiop bilinmiyor blah blahblah brak brakdanych
    brakemail brakmaila deleted deletedcontact deleteduser desconhecido desconocido dfgh doesnotexist
    donotcontact donotemail donothaveone dummy eiole eioo emailhidden emaillocked emailnotavailable
    emailnotfound emailnotunlocked emailprotected emailunavailable fake fakeemail fakemail fghj foobar foofoo
    geen geenadres geenemail geenmail hidden hiddenemail hjkl inconnu inconnue ingen ingenemail ingenmail
    invalid invalidemail jkl jklm keine keineadresse keineangabe keineangaben keineemail keinemail
    keinemailadresse locked lorem loremipsum masked na nan naopossui naotem neant nema nemaemail nemam nemamail
    nenhum nenhuma nessuna nessuno neuvedeno nezadano neznamy nichtbekannt nichtvorhanden nieznany nincs
    nincsemail ninguna ninguno noaddress noaplica nobody nocorreo noemail noemailaddress noemailavailable
    noemailfound noemailprovided noemails nomail nomails nondisponibile none nonenone nonfourni nonha
    nonrenseigne notapplicable notavailable notengo notengocorreo notfound notgiven nothing notiene
    notienecorreo notieneemail notienemail notprovided notset notunlocked null okand onbekend pasdadresse
    pasdecourriel pasdemail pasdemel placeholder protected qwe qweasd qweasdzxc qweqwe qwer qwert qwerty
    qwertyuiop qwertz qwertzuiop redacted removed saknas sansemail sansmail sconosciuto sdf sdfg sdfsdf sememail
    semmail senzaemail senzamail sincorreo sinemail sinmail tobeconfirmed tobedetermined tuntematon ukendt
    ukjent unbekannt undefined unknown unlockemail xxx xxxx yok yokmail yxcvbnm zxc zxcv zxcvb zxcvbn zxcvbnm
    """
)
# Address templates and what is typed to get past a form, where the domain shows it to be that.
# Ordinary addresses at example.com are left alone: test systems are full of them.
TEMPLATE_LOCALS = listed(
    """
    aaa aaaa abc abcabc abcd abcde abcdef anon anybody anyone bar baz bez bla cognome email erikamustermann
    example firstname firstnamelastname foo geen ingen janedoe jdoe johndoe kein keiner lastname mail
    maxmustermann me musterfrau mustermann nachname name nee nein nej nie no nobody nom nombre nome non noone
    nope ohne pas person prenom random sample sans sem senza sin somebody someone surname temp test tester
    testing tests tmp user username vorname vornamenachname without xx xyz you youremail yourname
    """
)
TEMPLATE_DOMAINS = listed(
    """
    abc.com adresse.de angabe.de asdf.com bar.com beispiel.com beispiel.de company.com correo.com correo.es
    courriel.com domain.com domain.de ejemplo.com email.com email.de emailaddress.com esempio.it example.com
    example.net example.org exemple.com exemple.fr exemplo.com fake.com foo.com invalid.com mail.de muster.de
    musterfirma.de mydomain.com noemail.com nomail.com none.com null.com posta.it test.com test.de voorbeeld.nl
    yourcompany.com yourdomain.com
    """
)
